/** Two folders kept equal by something: the product or a peer. Cases are written once against this. */

export type Traffic = { readonly upBytes: number; readonly downBytes: number; readonly requests: number };

export type Rig = AsyncDisposable & {
  readonly subject: string;
  /** The folder where the cases change things. */
  readonly a: string;
  /** The folder where they wait for the change. */
  readonly b: string;
  /** A folder on the same file system, for material that is moved in at once. */
  readonly stage: string;
  /** For what must be told to run: called after a change; undefined for what notices by itself. */
  readonly push?: () => Promise<void>;
  /** Returns when everything is at rest, so that a new measurement can begin. */
  readonly rest: () => Promise<void>;
};

/** Where figures of satchel's own rig come from beyond its folders. */
export type CountingRig = Rig & {
  /** Bytes between device A and the server, and between device B and the server, since the last reset. */
  readonly traffic: () => { readonly a: Traffic; readonly b: Traffic };
  readonly resetTraffic: () => void;
};

export type RigName = 'satchel' | 'syncthing' | 'rsync';
