import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { Place, Tree, TreeNode } from '@satchel/core/tree.ts';
import type { ClientDatabase } from './database.ts';
import { RecentNodes } from './recent-nodes.ts';
import { COLUMNS, type ColumnRow } from './rows.ts';

const PAGE = 256;

/** One of the three trees on its table, with the nodes last used in memory. */
export class StoredTree<Row extends TreeNode> implements Tree<Row> {
  readonly #known = new RecentNodes<Row>();
  readonly #db: ClientDatabase;
  readonly #table: 'remote' | 'local' | 'synced';
  readonly #read: (row: ColumnRow) => Row;
  readonly #byId: string;
  readonly #byParent: string;
  readonly #byPlace: string;
  /** The place that was last asked for, and who stands there: of a file that is recorded it is asked three times. */
  #asked: (Place & { readonly id: ObjectId | undefined }) | undefined;

  constructor(db: ClientDatabase, table: 'remote' | 'local' | 'synced', read: (row: ColumnRow) => Row) {
    this.#db = db;
    this.#table = table;
    this.#read = read;
    this.#byId = `SELECT ${COLUMNS[table]} FROM ${table} WHERE object_id = ?`;
    this.#byParent = `SELECT ${COLUMNS[table]} FROM ${table} WHERE parent_id = ? AND (name, object_id) > (?, ?)
      ORDER BY name, object_id LIMIT ${PAGE}`;
    const live = table === 'remote' ? ' AND deleted = 0' : '';
    this.#byPlace = `SELECT object_id FROM ${table} WHERE parent_id = ? AND name = ?${live}`;
  }

  get(id: ObjectId): Row | undefined {
    const known = this.#known.get(id);
    if (known !== undefined) return known.node;
    const row = this.#db.firstColumns(this.#byId, id);
    const node = row === undefined ? undefined : this.#read(row);
    this.#known.set(id, node);
    return node;
  }

  /** Without reading it; undefined: the node is not in memory, or not there. */
  inMemory(id: ObjectId): Row | undefined {
    return this.#known.get(id)?.node;
  }

  /** What has just been written. */
  remember(id: ObjectId, node: Row | undefined): void {
    this.#asked = undefined;
    this.#known.set(id, node);
  }

  /** The table was changed past this object, or a transaction was rolled back. */
  forgetAll(): void {
    this.#asked = undefined;
    this.#known.clear();
  }

  /** Read page by page: who looks for the first of a kind does not read a whole folder. */
  *children(parentId: ObjectId): Generator<Row, void, void> {
    let after: [string, string] = ['', ''];
    for (;;) {
      const rows = this.#db.columns(this.#byParent, parentId, ...after);
      // All before the first: what is changed while they are looked at must not be remembered as it was.
      const nodes = rows.map((row) => this.#nodeOf(row));
      for (const node of nodes) yield node;
      const last = nodes.at(-1);
      if (last === undefined || rows.length < PAGE) return;
      after = [last.name, last.objectId];
    }
  }

  #nodeOf(row: ColumnRow): Row {
    const id = row[0] as ObjectId;
    const known = this.inMemory(id);
    if (known !== undefined) return known;
    const node = this.#read(row);
    this.#known.set(id, node);
    return node;
  }

  childNamed({ parentId, name }: Place): Row | undefined {
    let asked = this.#asked;
    if (asked?.name !== name || asked.parentId !== parentId) {
      const [id] = this.#db.firstColumns(this.#byPlace, parentId, name) ?? [];
      asked = { parentId, name, id: id as ObjectId | undefined };
      this.#asked = asked;
    }
    return asked.id === undefined ? undefined : this.get(asked.id);
  }

  remove(id: ObjectId): boolean {
    this.remember(id, undefined);
    return this.#db.run(`DELETE FROM ${this.#table} WHERE object_id = ?`, id) > 0;
  }

  count(): number {
    return Number(this.#db.first(`SELECT count(*) AS n FROM ${this.#table}`)?.['n'] ?? 0);
  }
}
