/** What a load driver needs to be one client. */
export interface Credential {
  readonly mqttClientId: string;
  readonly userName: string;
  readonly password: string;
  /** Put before every topic; "" where there is none. An app's own ends with a slash. */
  readonly topicPrefix: string;
  /** The same for all clients of one user. */
  readonly userKey: string;
  readonly role: "dev" | "tpa";
}

/** One line: `clientid username password topic-prefix user=KEY role=dev|tpa`, `-` where there is none. */
export function credentialLine({
  mqttClientId,
  userName,
  password,
  topicPrefix,
  userKey,
  role,
}: Credential): string {
  return [
    mqttClientId,
    userName,
    password,
    topicPrefix === "" ? "-" : topicPrefix,
    `user=${userKey}`,
    `role=${role}`,
  ].join(" ");
}
