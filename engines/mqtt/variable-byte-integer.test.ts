import { expect, test } from "vitest";
import {
  decodeVariableByteInteger,
  packedLength,
  packedValue,
  variableByteIntegerLength,
  variableByteIntegerMaximum,
  writeVariableByteInteger,
} from "./variable-byte-integer.ts";

test.each([
  [0, [0x00]],
  [127, [0x7f]],
  [128, [0x80, 0x01]],
  [16_383, [0xff, 0x7f]],
  [16_384, [0x80, 0x80, 0x01]],
  [2_097_151, [0xff, 0xff, 0x7f]],
  [2_097_152, [0x80, 0x80, 0x80, 0x01]],
  [variableByteIntegerMaximum, [0xff, 0xff, 0xff, 0x7f]],
])("%d is written and read as %j", (value, list) => {
  const target = new Uint8Array(6);
  expect(writeVariableByteInteger(value, target, 1)).toBe(1 + list.length);
  expect([...target.subarray(1, 1 + list.length)]).toEqual(list);
  expect(variableByteIntegerLength(value)).toBe(list.length);
  const packed = decodeVariableByteInteger(target, 1, target.length) ?? 0;
  expect([packedValue(packed), packedLength(packed)]).toEqual([value, list.length]);
  for (let end = 1; end < 1 + list.length; end++) {
    expect(decodeVariableByteInteger(target, 1, end)).toBeUndefined();
  }
});

test("a fourth byte that asks for a fifth is refused without the fifth", () => {
  expect(() => decodeVariableByteInteger(Uint8Array.of(0x80, 0x80, 0x80, 0x80), 0, 4)).toThrow(
    expect.objectContaining({ code: "MALFORMED_PACKET", reasonCode: 0x81 }),
  );
});
