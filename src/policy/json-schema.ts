import { z } from 'zod';
import { policySchema } from './schema.ts';
import { VOCABULARY, type Vocabulary } from './vocabulary.ts';

/** The policy file's JSON Schema (draft 2020-12) for editors; generated, never edited. */
export function policyJsonSchema(vocabulary: Vocabulary = VOCABULARY): Record<string, unknown> {
  const schema = z.toJSONSchema(policySchema, {
    io: 'input',
    override({ jsonSchema, path }) {
      const place = path.join('/');
      if (place.endsWith('properties/when/items')) jsonSchema.enum = [...vocabulary.conditions];
      if (place.endsWith('properties/detect/items')) jsonSchema.enum = [...vocabulary.detectors];
      if (place.endsWith('properties/expires')) jsonSchema.pattern = '^(\\d+(ms|s|m|h|d))+$';
      if (place.endsWith('properties/strategy') && Array.isArray(jsonSchema.enum)) {
        // YAML reads the bare word as its null.
        jsonSchema.enum = [...jsonSchema.enum, null];
        delete jsonSchema.type;
      }
    },
  });
  return {
    ...schema,
    title: 'hoopctl policy',
    description:
      'Rules and masks for sessions through hoopctl. All matching rules count; the strictest decision wins.',
  };
}

/** The text of `templates/policy.schema.json`. */
export function policyJsonSchemaText(): string {
  return `${JSON.stringify(policyJsonSchema(), null, 2)}\n`;
}
