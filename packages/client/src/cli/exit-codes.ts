/** Exit codes of the command line, a contract with scripts. */
export const EXIT = {
  done: 0,
  error: 1,
  usage: 2,
  signIn: 3,
  notFound: 4,
  conflict: 5,
  permission: 6,
  quota: 7,
  tryAgain: 8,
  partly: 9,
  daemonNotRunning: 10,
  notInSync: 11,
  held: 12,
  interrupted: 130,
} as const;
export type Exit = (typeof EXIT)[keyof typeof EXIT];
