export type RootFault = 'root_missing' | 'root_not_a_folder' | 'marker_missing' | 'root_foreign' | 'root_replaced';

export interface RootProblem {
  readonly code: RootFault;
  readonly message: string;
}

/** Whether the synced folder may be believed (C3); asked before each step that reads or changes it. */
export interface RootGuard {
  /** Undefined: the synced folder is in its place. */
  problem(): RootProblem | undefined;
}
