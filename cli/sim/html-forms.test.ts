import { expect, test } from "vitest";
import { headingOf, parseForms } from "./html-forms.ts";

const page = new URL("http://didp.test/claim?x=1");

test("fields, ticks and buttons of a form, its action resolved against the page", () => {
  const [form] = parseForms(
    `<!doctype html><h1>Your <em>new</em> device</h1>
    <form method="POST" action="/claim/confirm">
      <input type="hidden" name="csrf" value="a&amp;b&#34;&#x27;">
      <label>Name <input name=name value='Room node' required></label>
      <input type="checkbox" name="read" value="dh1" checked> <input type=checkbox name=read value=dh2>
      <input type="email" name="off" value="x" disabled>
      <textarea name="note">a &lt; b</textarea>
      <select name="days"><option value="7">a week<option value="30" selected>a month</select>
      <button name="decision" value="approve">Yes</button><button name="decision" value="deny">No</button>
      <button type="button" name="help">?</button><input type="submit" value="Go">
    </form>`,
    page,
  );
  expect(form).toEqual({
    action: new URL("http://didp.test/claim/confirm"),
    method: "post",
    fields: [
      { name: "csrf", type: "hidden", value: `a&b"'`, checked: true },
      { name: "name", type: "text", value: "Room node", checked: true },
      { name: "read", type: "checkbox", value: "dh1", checked: true },
      { name: "read", type: "checkbox", value: "dh2", checked: false },
      { name: "note", type: "text", value: "a < b", checked: true },
      { name: "days", type: "text", value: "30", checked: true },
    ],
    buttons: [
      { name: "decision", value: "approve" },
      { name: "decision", value: "deny" },
      { name: "", value: "Go" },
    ],
  });
});

test("a form without an action goes to its own page by GET; several forms stay apart", () => {
  const forms = parseForms(
    "<form><input name=a></form><form action='b' method=post><input name=b></form>",
    page,
  );
  expect(
    forms.map(({ action, method, fields }) => [action.href, method, fields.map(({ name }) => name)]),
  ).toEqual([
    ["http://didp.test/claim?x=1", "get", ["a"]],
    ["http://didp.test/b", "post", ["b"]],
  ]);
});

test("what looks like markup inside comments, scripts and attributes is none", () => {
  const forms = parseForms(
    `<!-- <form action="/comment"> --><script>"<form action='/script'>"</script>
     <title><form action="/title"></title><p title="<form action=/attribute>">x</p>`,
    page,
  );
  expect(forms).toEqual([]);
});

test("the heading is read without its markup", () => {
  expect(headingOf("<h1 class=x>\n Not <b>claimable</b> &amp; gone </h1>")).toBe("Not claimable & gone");
  expect(headingOf("<p>none</p>")).toBe("");
});
