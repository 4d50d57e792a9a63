import type { z } from 'zod';
import { Internal } from '../base/errors.ts';

/** A protocol's settings in a connection's stored JSON text. Throws Internal `bad_connection_settings`. */
export function readStoredSettings<T>(schema: z.ZodType<T>, text: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Internal('bad_connection_settings', 'the stored settings of a connection cannot be read', {
      cause,
      next: 'add the connection again: hoopctl connection add',
    });
  }
}
