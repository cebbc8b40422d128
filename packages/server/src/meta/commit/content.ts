import { contentHash, manifestFault, totalSize, type Manifest } from '@satchel/core/manifest.ts';
import { applySplice } from '@satchel/core/splice.ts';
import type { PutOperation } from '@satchel/protocol/commit.ts';
import type { ObjectRow } from '../../ports/schema.ts';
import { VERSIONS } from '../object-statements.ts';
import { chunkListOf, sha256Hex } from '../records.ts';
import { refused, type Refusal } from './outcome.ts';
import type { CommitState } from './state.ts';

/** The whole chunk list: as it came, or the edits applied to the list of a version of the same file. */
export async function resolveList(
  state: CommitState,
  { objectId, content: { list } }: PutOperation,
  present: ObjectRow | undefined,
): Promise<Manifest | Refusal> {
  if ('chunks' in list) return list.chunks;
  const base = await state.tx.first(VERSIONS.find, { objectId, versionId: list.baseVersionId });
  if (base === undefined || base.workspace_id !== state.workspaceId)
    return refused(
      'manifest_invalid',
      `The list is given as edits against version ${list.baseVersionId}, which the file does not have (any more); send the whole list.`,
      { present },
    );
  const spliced = applySplice(chunkListOf(base), list.edits);
  return spliced.ok ? spliced.value : listRefused(spliced.fault.reason, present);
}

function listRefused(reason: string, present: ObjectRow | undefined): Refusal {
  return refused('manifest_invalid', `The chunk list is not valid: ${reason}.`, { present });
}

/** Why the list is not that of the content: nothing that the client says of a file is believed unchecked (S6). */
export function chunkListFault(
  content: PutOperation['content'],
  list: Manifest,
  present: ObjectRow | undefined,
): Refusal | undefined {
  const fault = manifestFault(list);
  if (fault !== undefined) return listRefused(fault.reason, present);
  const size = totalSize(list);
  if (size !== content.size)
    return refused('length_mismatch', `The chunks make ${size} bytes, and the file is said to have ${content.size}.`, {
      present,
    });
  if (contentHash(list, sha256Hex) !== content.contentHash)
    return refused('hash_mismatch', 'The content hash is not that of the chunk list.', { present });
  return undefined;
}
