import type { DeviceIdentity } from "../device-identity.ts";

/** A registered, unowned device. Every value is made up. */
export function anIdentity(change: Partial<DeviceIdentity>, didp = "http://didp.test"): DeviceIdentity {
  return {
    name: "S1",
    product: "room-node",
    clientId: "client-1",
    clientSecret: "secret 1",
    tokenEndpoint: `${didp}/token`,
    deviceAuthorizationEndpoint: `${didp}/device_authorization`,
    registrationClientUri: `${didp}/register/client-1`,
    registrationAccessToken: "registration-1",
    userRegistrationUri: `${didp}/d#ABCDEFGHIJKLMNOPQRSTUVWXYZ`,
    userCode: "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    mqttClientId: "mqtt-1",
    ...change,
  };
}
