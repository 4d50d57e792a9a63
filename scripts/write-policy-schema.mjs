// Writes templates/policy.schema.json from the schema in src/policy (Node 24 reads the types away).
import { writeFileSync } from 'node:fs';
import { policyJsonSchemaText } from '../src/policy/json-schema.ts';

writeFileSync(new URL('../templates/policy.schema.json', import.meta.url), policyJsonSchemaText());
