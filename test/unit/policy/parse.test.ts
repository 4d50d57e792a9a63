import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePolicy, policyHash } from '../../../src/policy/parse.ts';

function problems(yaml: string): string[] {
  return parsePolicy(yaml, 'p.yaml').problems.map((p) => `${p.line}:${p.column} ${p.message}`);
}

const RULE = 'version: 1\nrules:\n  - name: r\n    decision: ';

describe('parsePolicy', () => {
  test('reads every key of the file, with the defaults of what is left out', () => {
    const { policy, problems } = parsePolicy(
      `version: 1
groups:
  agents: [devin, "ci-*"]
rules:
  - name: writes
    who: [group:agents]
    connections: ["prod-*", env=prod]
    effects: [write, unknown]
    tables: ["public.*"]
    commands: [UPDATE]
    when: [update-without-where]
    decision: approve
    approvers: [ana@example.com]
    approvals: 2
    expires: 1h30m
    self_approval: false
    at: statement
  - { name: no, decision: block, message: ask }
masks:
  - { name: cards, columns: ["*.ssn"], strategy: partial, keep_last: 2, except: [ana], filter: none }
  - { name: found, detect: [email], strategy: null }
  - { name: notes, columns: [public.orders.note], detect: [email], strategy: hash }
`,
      'p.yaml',
    );
    expect(problems).toEqual([]);
    expect(policy).toMatchObject({ version: 1, default: 'block', source: 'p.yaml' });
    expect(policy?.rules[0]).toMatchObject({ approvals: 2, expires: 5_400_000, commands: ['UPDATE'] });
    expect(policy?.masks.map((mask) => mask.strategy)).toEqual(['partial', 'null', 'hash']);
    expect(policy?.locate(['rules', 0, 'tables', 0])).toEqual({ line: 9, column: 14 });
  });

  test.each([
    ['version: 1\nruels: []', '2:1 unknown key "ruels" (did you mean "rules"?)'],
    [`${RULE}allow\n    efects: [read]`, '5:5 rule "r": unknown key "efects" (did you mean "effects"?)'],
    [`${RULE}allow\n    effects: [reed]`, '5:15 rule "r": "effects" cannot be "reed" (did you mean "read"?)'],
    [`${RULE}alow`, '4:15 rule "r": "decision" cannot be "alow" (did you mean "allow"?)'],
    [
      `${RULE}block\n    when: [update-without-were]`,
      '5:12 rule "r": unknown condition "update-without-were" (did you mean "update-without-where"?)',
    ],
    [
      'version: 1\nmasks:\n  - {name: m, detect: [creditcard], strategy: redact}',
      '3:24 mask "m": unknown detector "creditcard" (did you mean "credit_card"?)',
    ],
    [
      'version: 1\nmasks:\n  - {name: m, columns: ["*.a"], strategy: reduct}',
      '3:43 mask "m": "strategy" cannot be "reduct" (did you mean "redact"?)',
    ],
  ])('says where a misspelt word stands and what was meant: %j', (yaml, message) => {
    expect(problems(yaml)[0]).toContain(message);
  });

  test('masks take kept keys, equality and a least group', () => {
    const yaml =
      'version: 1\nmasks:\n  - {name: m, columns: ["*.a"], strategy: redact, keep_keys: [theme, settings.lang], filter: equality, min_group: 5}';
    expect(problems(yaml)).toEqual([]);
  });

  test.each(['keep_keys: [a]', 'filter: equality', 'min_group: 5'])(
    '%s means nothing without columns',
    (key) => {
      const yaml = `version: 1\nmasks:\n  - {name: m, detect: [email], strategy: redact, ${key}}`;
      expect(problems(yaml)).toEqual([expect.stringContaining('needs "columns"')]);
    },
  );

  test.each([
    ['', 'the file is empty'],
    ['# nothing', 'the file is empty'],
    ['hello', '1:1 the file must be a map of keys'],
    ['version: 2', '1:10 version 2 is not known'],
    ['rules: []', '"version" is missing'],
    ['version: 1\nversion: 1', '2:1 this key stands here a second time'],
    ['version: 1\nrules:', '2:1 "rules" has no value'],
    ['version: 1\nrules: {}', '"rules" must be a list'],
    [`${RULE}allow\n    who: devin`, '5:10 rule "r": "who" must be a list: [devin]'],
    [`${RULE}allow\n    who: []`, '5:10 rule "r": "who" is empty'],
    [`${RULE}allow\n    who: [12]`, '12 in "who" must be text'],
    [`${RULE}allow\n    who: ["group:"]`, 'group:NAME'],
    [`${RULE}allow\n    tables: [customers]`, 'schema-qualified'],
    [`${RULE}allow\n    tables:\n`, '"tables" has no value'],
    [`${RULE}block\n    approvers: [ana]`, '"approvers" means nothing unless decision is approve'],
    [`${RULE}allow\n    message: hm`, '"message" means nothing unless decision is block'],
    [`${RULE}approve\n    approvals: 0`, '"approvals" must be at least 1'],
    [`${RULE}approve\n    approvals: 1.5`, '"approvals" must be a whole number'],
    [`${RULE}approve\n    expires: 15`, '15 in "expires" must be text'],
    [`${RULE}approve\n    expires: 15 min`, 'is not a duration'],
    [`${RULE}approve\n    expires: 30d`, 'must be between 1s and 7d'],
    ['version: 1\nrules:\n  - decision: allow', '3:5 rule 1: "name" is missing'],
    [`${RULE}allow\n  - {name: r, decision: block}`, '5:12 there is another rule named "r"'],
    ['version: 1\ngroups: {a: []}', 'group "a" has nobody in it'],
    ['version: 1\ngroups: {"a b": [x]}', 'group "a b": a name has letters'],
    ['version: 1\nmasks:\n  - {name: m, strategy: redact}', '"columns" or "detect" is missing'],
    [
      'version: 1\nmasks:\n  - {name: m, columns: ["*.a"], strategy: redact, keep_last: 2}',
      '"keep_last" means nothing unless strategy is partial',
    ],
    ['version: 1\nmasks:\n  - {name: m, columns: [t.a], strategy: redact}', 'schema.table.column'],
    ['version: 1\nmasks:\n  - {name: m, columns: ["*.a"], strategy: ~}', '"strategy" has no value'],
    ['version: 1\n---\nversion: 1', 'one file holds one policy'],
    ['version: 1\ngroups: {__proto__: [a]}', '"__proto__" cannot be a key'],
    ['version: !env X', 'tags are not supported'],
    ['version: 1\ngroups: {a: *b}', 'an alias names an anchor that is not there'],
    ['version: 1\n\tx: 1', '2:'],
  ])('refuses %j', (yaml, message) => {
    const result = parsePolicy(yaml, 'p.yaml');
    expect(result.policy).toBeUndefined();
    expect(problems(yaml).join('\n')).toContain(message);
  });

  test('lists may be shared through an alias, and positions still point at them', () => {
    const { policy, problems } = parsePolicy(
      'version: 1\nrules:\n  - {name: a, who: &w [x], decision: allow}\n  - {name: b, who: *w, decision: block}',
      'p.yaml',
    );
    expect(problems).toEqual([]);
    expect(policy?.rules[1]?.who).toEqual(['x']);
    expect(policy?.locate(['rules', 1, 'who', 0])).toEqual({ line: 3, column: 24 });
  });

  test('an alias bomb is refused at once', () => {
    const level = (name: string, of: string) => `${name}: &${name} [${`*${of},`.repeat(9)}]`;
    const bomb = ['a: &a [x,x,x]', level('b', 'a'), level('c', 'b'), level('d', 'c'), level('e', 'd')];
    expect(problems(bomb.join('\n'))[0]).toContain('too many aliases');
  });

  test('deep nesting is refused and not a crash', () => {
    expect(problems('['.repeat(20_000))[0]).toContain('nested too deeply');
  });

  test('a text over a mebibyte is refused unread', () => {
    expect(problems(`version: 1 #${'x'.repeat(1_048_576)}`)).toEqual([
      'null:null the file is larger than 1 MiB',
    ]);
  });

  test('never throws, and gives a policy only without errors', () => {
    const word = fc.constantFrom(
      'version: 1',
      'rules:',
      '  - name: a',
      '    decision: allow',
      '    who: [x]',
      'masks:',
      '- ',
      ': ',
      '{',
      '}',
      '[',
      ']',
      '*a',
      '&a ',
      '!!str ',
      '"',
      '\n',
      '  ',
      'default: block',
      '? ',
      '<<: ',
      '~',
      '|',
      '#',
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), fc.boolean(), (words, lines) => {
        const result = parsePolicy(words.join(lines ? '\n' : ''), 'p.yaml');
        const errors = result.problems.filter((p) => p.severity === 'error');
        expect(result.policy === undefined).toBe(errors.length > 0);
      }),
      { numRuns: 1000 },
    );
  });

  test("the hash is SHA-256 of the text's own bytes", () => {
    // FIPS 180-2, appendix B.1
    expect(policyHash('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(policyHash('abc')).not.toBe(policyHash('abc '));
  });
});

describe('rehearsals, limits, guards and functions', () => {
  test.each([
    [`${RULE}allow\n    rehearse: true`, '"rehearse" means nothing unless decision is approve'],
    [`${RULE}block\n    at: commit`, '"at" means nothing unless decision is approve'],
    ['version: 1\nlimits: [{name: a, decision: cut}]', 'limit "a": it limits nothing'],
    ['version: 1\nlimits: [{name: a, rows: 1, denied: 1, decision: cut}]', 'limit "a": unknown key "rows"'],
    [
      'version: 1\nlimits: [{name: a, denied: 1, decision: cut, expires: 1m}]',
      'limit "a": "expires" means nothing',
    ],
    ['version: 1\nguards: [{name: a}]', 'guard "a": it guards nothing'],
    ['version: 1\nguards: [{name: a, role: {valid_for: 1h}}]', 'guard "a": the role may do nothing'],
    ['version: 1\nfunctions: [{name: f, effect: read}]', 'write it schema-qualified'],
    [
      'version: 1\nlimits: [{name: a, denied: 1, decision: cut}, {name: a, denied: 1, decision: cut}]',
      'another limit',
    ],
  ])('refuses %j', (text, message) => {
    expect(parsePolicy(text, 'p.yaml').problems.map((one) => one.message)).toEqual([
      expect.stringContaining(message),
    ]);
  });

  test('reads them with sizes in bytes and times in milliseconds', () => {
    const { policy } = parsePolicy(
      `version: 1
limits: [{name: a, bytes: 1MiB, duration: 30m, rows_read: 5, decision: cut}]
guards: [{name: g, read_only: true, lock_timeout: 2s, role: {template: app, valid_for: 1h}}]
functions: [{name: "public.f*", effect: read}]
rules: [{name: r, statement_bytes_above: 2KiB, estimated_rows_above: 10, decision: block}]`,
      'p.yaml',
    );
    expect(policy?.limits[0]).toMatchObject({ bytes: 1_048_576, duration: 1_800_000, rows_read: 5 });
    expect(policy?.guards[0]).toMatchObject({
      read_only: true,
      lock_timeout: 2000,
      role: { valid_for: 3_600_000 },
    });
    expect(policy?.rules[0]).toMatchObject({ statement_bytes_above: 2048, estimated_rows_above: 10 });
  });
});
