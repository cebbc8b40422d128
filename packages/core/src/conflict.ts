import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { Decisions } from './decide.ts';
import { isFolder, sameBytes, samePlace, slotOf } from './diff.ts';
import type { Place } from './tree.ts';

/** What comes of an object's claim to the name it shall have. */
export type Claim =
  | { readonly outcome: 'granted' }
  /** It and the other are one object: the local one takes over the remote one's id. */
  | { readonly outcome: 'joins'; readonly remoteId: ObjectId }
  /** It is renamed to `to` on the side where it has the name; the other side follows in a later plan. */
  | { readonly outcome: 'yields'; readonly side: 'local' | 'remote'; readonly to: Place };

/**
 * P10: contests for names. A name is wanted by two only when one object has it on disk and another on the server,
 * for names are unique on either side; so there are never more than two.
 */
export class Claims {
  readonly #decisions: Decisions;
  readonly #given = new Set<string>();

  constructor(decisions: Decisions) {
    this.#decisions = decisions;
  }

  /** For an object that lives. */
  claim(id: ObjectId): Claim {
    const place = this.#decisions.place(id);
    const { local, remote } = this.#decisions.facts(id);
    if (!place) return { outcome: 'granted' };
    const onDisk = local && samePlace(local, place);
    const onServer = remote && samePlace(remote, place);
    if (onDisk && onServer) return { outcome: 'granted' };
    const rivalId = this.#rivalFor(place, onDisk ? 'remote' : 'local');
    if (!rivalId) return { outcome: 'granted' };
    const [localId, remoteId] = onDisk ? [id, rivalId] : [rivalId, id];
    const winner = this.#contest(localId, remoteId);
    if (winner === 'both') return { outcome: 'joins', remoteId };
    if (winner === id) return { outcome: 'granted' };
    return { outcome: 'yields', side: onDisk ? 'local' : 'remote', to: this.conflictPlace(place) };
  }

  /** A place beside the given one with a conflict name that nothing has on either side. */
  conflictPlace(place: Place): Place {
    const { settings } = this.#decisions;
    const { parentId } = place;
    const name = settings.conflictName(place.name, (wanted) => {
      const there = { parentId, name: wanted };
      return this.#isTaken(there);
    });
    const given = { parentId, name };
    this.#given.add(slotOf(given));
    return given;
  }

  #isTaken(place: Place): boolean {
    if (this.#given.has(slotOf(place))) return true;
    return (['local', 'remote'] as const).some((side) => this.#decisions.occupant(side, place) !== undefined);
  }

  /** The object that has this place on the given side and shall keep it. */
  #rivalFor(place: Place, side: 'local' | 'remote'): ObjectId | undefined {
    const rival = this.#decisions.occupant(side, place);
    if (!rival || this.#decisions.facts(rival).unseen || this.#decisions.fate(rival) !== 'lives') return undefined;
    const wanted = this.#decisions.place(rival);
    return wanted && samePlace(wanted, place) ? rival : undefined;
  }

  #contest(localId: ObjectId, remoteId: ObjectId): ObjectId | 'both' {
    const mine = this.#decisions.facts(localId);
    const theirs = this.#decisions.facts(remoteId);
    if (!mine.local || !theirs.remote) return remoteId;
    const { settings } = this.#decisions;
    const excluded = settings.excluded(remoteId);
    const isOpened = theirs.remote.content.kind === 'mount' && !settings.joinsShares();
    // What a share has left behind becomes part of nothing else by itself (H98).
    const isLeft = (mine.tombstone ?? mine.synced)?.content.kind === 'mount';
    const separate = !mine.remote && !theirs.local && !excluded && !isLeft;
    if (separate && !isOpened && sameBytes(mine.local.content, theirs.remote.content)) return 'both';
    const folderMeetsFile = isFolder(mine.local.content) && !isFolder(theirs.remote.content);
    return folderMeetsFile && !excluded && settings.canWrite(theirs.remote.workspaceId) ? localId : remoteId;
  }
}
