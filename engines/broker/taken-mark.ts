/**
 * The text frame by which a gateway that relays asks whether what it sent before has been taken in, and by which the
 * personal cloud says so. MQTT itself has no text frames, and no client's reaches a relayed socket.
 */
export const takenMark = "taken?";
