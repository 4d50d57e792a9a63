import type { Detection } from '../../../masking/detectors.ts';
import type { HashKey, ValueMasking } from '../../../masking/strategies.ts';
import type { ActiveMask } from '../../../policy/decision.ts';
import { compileGlob, type Glob } from '../../../policy/glob.ts';
import { couldMeanField } from './field-globs.ts';

/** Masks over fields of one kind of object, and detectors over all its values. */
export interface ObjectMasks {
  /** `secrets`, `widgets.example.com`. */
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly fields: readonly FieldMask[];
  /** Its values are base64 of what they mean, and hidden where no mask says otherwise. */
  readonly secret: boolean;
  /** Some mask, for whomever, is over this field: the policy has thought of it. */
  readonly covered: (field: string) => boolean;
  /** Some mask, for whomever, could be over a field of such an object. */
  readonly anyCovered: boolean;
  readonly detection: Detection | undefined;
  readonly key: HashKey;
}

/** Something in such objects is hidden by its place. */
export function hidesFields({ fields, secret }: Pick<ObjectMasks, 'fields' | 'secret'>): boolean {
  return secret || fields.length > 0;
}

export interface FieldMask {
  readonly globs: readonly Glob[];
  readonly masking: ValueMasking;
}

/** The masks whose columns could be fields of such objects: `namespace/resource/name/path.to.field`. */
export function fieldMasks(masks: readonly ActiveMask[], resource: string): readonly FieldMask[] {
  return masks.flatMap(({ columns, detect, keepLast, strategy }) => {
    const meant = columns.filter((column) => couldMeanField(column, resource, '*'));
    if (meant.length === 0 || detect.length > 0) return [];
    return [{ globs: meant.map((column) => compileGlob(column)), masking: { strategy, keepLast } }];
  });
}
