/**
 * Takes the code out of the link's fragment, out of the history, and into the form. Without it people type the
 * code; with it the code still never stands in a URL that a server sees.
 */
export const claimScript = `
const code = decodeURIComponent(location.hash.slice(1));
if (code !== "") {
  history.replaceState(null, "", location.pathname);
  const form = document.getElementById("claim");
  const field = document.getElementById("code");
  if (form instanceof HTMLFormElement && field instanceof HTMLInputElement) {
    field.value = code;
    form.requestSubmit();
  }
}
`;
