/** What a history came to, in numbers. */
export interface Figures {
  acts: number;
  kills: number;
  powerCuts: number;
  serverCrashes: number;
  lostRequests: number;
  lostReplies: number;
  duplicates: number;
  events: number;
  virtualMs: number;
  rounds: number;
  conflicts: number;
  /** Histories with shared folders, and what was left to people in them. */
  shared: number;
  decisions: number;
}
