import { readFields } from './protobuf-fields.ts';
import { readEnvelope } from './protobuf-object.ts';

const DEEPEST = 32;

/**
 * A protobuf body as text that tells all of it: kind, then fields by number, messages in braces, texts in quotes,
 * other bytes in base64. Throws ProtocolViolation `bad_protobuf`.
 */
export function protobufText(bytes: Buffer): string {
  const { apiVersion, kind, raw } = readEnvelope(bytes);
  return `${apiVersion} ${kind} (protobuf, fields by number)\n${message(raw, 0).join('\n')}`;
}

function message(bytes: Buffer, depth: number): readonly string[] {
  const indent = '  '.repeat(depth);
  return readFields(bytes).flatMap(({ number, value }) => {
    const label = `${indent}${number}: `;
    if (typeof value === 'number') return [`${label}${value}`];
    if (value.length === 0) return [`${label}""`];
    const text = readableText(value);
    if (text !== undefined) return [`${label}${JSON.stringify(text)}`];
    const inner = depth < DEEPEST ? innerMessage(value, depth + 1) : undefined;
    if (inner !== undefined) return [`${label}{`, ...inner, `${indent}}`];
    return [`${label}base64 ${value.toString('base64')}`];
  });
}

function readableText(value: Buffer): string | undefined {
  const text = value.toString('utf8');
  // Messages nearly always hold a control character: their tags of low numbers are such.
  return /^[^\p{Cc}\ufffd]*$/u.test(text.replaceAll(/[\n\t]/g, ' ')) && !/^[\n\t]/.test(text)
    ? text
    : undefined;
}

function innerMessage(value: Buffer, depth: number): readonly string[] | undefined {
  try {
    return message(value, depth);
  } catch {
    return undefined;
  }
}
