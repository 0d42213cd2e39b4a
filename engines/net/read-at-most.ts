/**
 * The text of a request or an answer that somebody else wrote.
 * @throws RangeError as soon as there are more than `most` bytes; what was read so far is dropped.
 */
export async function readAtMost(message: Request | Response, most: number): Promise<string> {
  const reader = message.body?.getReader();
  if (reader === undefined) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > most) {
      await reader.cancel();
      throw new RangeError("too large");
    }
    text += decoder.decode(value, { stream: true });
  }
}
