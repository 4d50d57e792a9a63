import type { AlterTableCmd } from 'libpg-query';

const WORDS: Readonly<Record<string, string>> = {
  AT_AddColumn: 'ADD COLUMN',
  AT_DropColumn: 'DROP COLUMN',
  AT_ColumnDefault: 'ALTER COLUMN',
  AT_AlterColumnType: 'ALTER COLUMN TYPE',
  AT_SetNotNull: 'SET NOT NULL',
  AT_DropNotNull: 'DROP NOT NULL',
  AT_DropExpression: 'DROP EXPRESSION',
  AT_AddConstraint: 'ADD CONSTRAINT',
  AT_DropConstraint: 'DROP CONSTRAINT',
  AT_ValidateConstraint: 'VALIDATE CONSTRAINT',
  AT_ChangeOwner: 'OWNER TO',
  AT_DropCluster: 'SET WITHOUT CLUSTER',
  AT_DropInherit: 'NO INHERIT',
  AT_AddInherit: 'INHERIT',
  AT_DropIdentity: 'DROP IDENTITY',
  AT_EnableTrig: 'ENABLE TRIGGER',
  AT_EnableTrigAll: 'ENABLE TRIGGER ALL',
  AT_EnableTrigUser: 'ENABLE TRIGGER USER',
  AT_EnableAlwaysTrig: 'ENABLE ALWAYS TRIGGER',
  AT_EnableReplicaTrig: 'ENABLE REPLICA TRIGGER',
  AT_DisableTrig: 'DISABLE TRIGGER',
  AT_DisableTrigAll: 'DISABLE TRIGGER ALL',
  AT_DisableTrigUser: 'DISABLE TRIGGER USER',
  AT_EnableRowSecurity: 'ENABLE ROW LEVEL SECURITY',
  AT_DisableRowSecurity: 'DISABLE ROW LEVEL SECURITY',
  AT_ForceRowSecurity: 'FORCE ROW LEVEL SECURITY',
  AT_NoForceRowSecurity: 'NO FORCE ROW LEVEL SECURITY',
  AT_AttachPartition: 'ATTACH PARTITION',
  AT_DetachPartition: 'DETACH PARTITION',
  AT_SetTableSpace: 'SET TABLESPACE',
};

/** `DROP COLUMN c`: what the sub-command does, in the words it is written in. */
export function alterWords(command: AlterTableCmd): string {
  const subtype = command.subtype ?? '';
  const words =
    WORDS[subtype] ??
    subtype
      .replace(/^AT_/u, '')
      .replaceAll(/(?<=[a-z])(?=[A-Z])/gu, ' ')
      .toUpperCase();
  const def = command.def;
  const name = command.name ?? (def && 'ColumnDef' in def ? def.ColumnDef.colname : undefined);
  return name === undefined ? words : `${words} ${name}`;
}
