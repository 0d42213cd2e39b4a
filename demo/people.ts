/** The people who can log in at the local login. Their identity never leaves it (tests scan for it). */
export interface DemoPerson {
  /** What one types or picks at the login page. */
  readonly login: string;
  readonly name: string;
  /** The subject in the ID token. Looks like nothing else in the system, so that a scan can find a leak. */
  readonly subject: string;
  readonly email: string;
}

export const demoPeople: readonly DemoPerson[] = [
  {
    login: "alice",
    name: "Alice Ainsworth",
    subject: "uidp-subject-alice-5f1c",
    email: "alice.ainsworth@example.org",
  },
  { login: "bob", name: "Bob Bexley", subject: "uidp-subject-bob-90ae", email: "bob.bexley@example.org" },
  {
    login: "carol",
    name: "Carol Calloway",
    subject: "uidp-subject-carol-27d3",
    email: "carol.calloway@example.org",
  },
];

/** Who logs in as `login`: a demo person, or one of the people of load tests (`load-1`, `load-2`, …). */
export function findPerson(login: string): DemoPerson | undefined {
  if (!/^load-[1-9]\d{0,6}$/.test(login)) return demoPeople.find((person) => person.login === login);
  return { login, name: login, subject: `uidp-subject-${login}`, email: `${login}@example.org` };
}

/** The same, by the subject in the ID token. */
export function findSubject(subject: string): DemoPerson | undefined {
  const loadLogin = /^uidp-subject-(load-\d+)$/.exec(subject)?.[1];
  return loadLogin === undefined
    ? demoPeople.find((person) => person.subject === subject)
    : findPerson(loadLogin);
}
