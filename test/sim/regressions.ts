import type { Wanted } from './script.ts';

export interface Regression {
  readonly seed: number;
  readonly showed: string;
  /** What is played beside the rest; absent: what was when it failed. */
  readonly wanted?: Wanted;
}

/** Before there were shared folders and modes here. */
export const EARLIER: Wanted = { sharing: false, modes: false };
/** Of histories in which folders are shared. */
const SHARES: Wanted = { sharing: true };

/**
 * Seeds that once ended badly, with what they showed. A change of what is drawn from a seed makes another history of
 * it; that it once failed still makes it as good a seed as any.
 */
export const REGRESSIONS: readonly Regression[] = [
  { seed: 100, showed: 'a problem of a path that is gone kept `wait` from ending' },
  {
    seed: 189,
    showed: 'a commit without an answer was planned again, and ended in a conflicted copy of its own content',
  },
  {
    seed: 228,
    showed: 'a path that became a folder was read as a file for ever; a busy loop while a deletion is proved',
  },
  { seed: 1108, showed: 'a problem of an ignored path was never cleared' },
  { seed: 1128, showed: 'a fault between the two halves of a swap left the displaced file behind' },
  { seed: 1243, showed: 'a download that was placed and not recorded became an object of its own after a crash' },
  { seed: 10173, showed: 'a folder that could not be looked at once stayed a problem' },
  { seed: 10634, showed: 'an edit after a commit without an answer became a conflicted copy' },
  { seed: 10936, showed: 'a commit without an answer: the daemon never came to rest' },
  { seed: 20471, showed: 'a crash between placing a download and recording it: one file twice' },
  { seed: 60319, showed: 'the displaced old content came back as a conflicted copy after a crash' },
  {
    seed: 60337,
    showed: 'a deleted folder that held only unseen empty folders was kept back and blocked its name for ever',
  },
  { seed: 102044, showed: 'a problem below a path that is a file now was never cleared' },
  { seed: 200174, showed: 'two rows of Local at one name: what arrived did not displace what had vanished there' },
  { seed: 200222, showed: 'a crash after a swap, and the new file renamed before the start: one file twice' },
  { seed: 310544, showed: 'a file moved to where the disk failed to show it was taken for deleted' },
  { seed: 320292, showed: 'a file was put into place, could not be looked at, and was taken for the user\u2019s' },
  { seed: 162512759, showed: 'a folder moved while files were put into it: they were taken for the user\u2019s' },
  {
    seed: 166861335,
    showed: 'a crash between a rename from the server and its record: taken for the user\u2019s move',
  },
  { seed: 166980030, showed: 'a file deleted while it was downloaded, then edited: refused as stale for ever' },
  { seed: 166980459, showed: 'a new file moved onto another one while its commit was on its way: one file twice' },
  { seed: 400001322, showed: 'an editor\u2019s backup was on the server before the new content' },
  { seed: 400001404, showed: 'a folder was removed although what had to leave it first had not: one file twice' },
  {
    seed: 500000146,
    showed: 'a shorter file of the same age put in another one\u2019s place was taken for its damage',
  },
  { seed: 500001391, showed: 'what a program wrote into the trash before a restart was never brought back' },
  { seed: 500001520, showed: 'new names were recorded unflushed after a fault, and a power cut became a deletion' },
  { seed: 700000034, showed: 'a folder went with a file in it that was moved to where the disk failed to show it' },
  { seed: 700000337, showed: 'a bit that was changed while the file was renamed for the server was never seen' },
  { seed: 177835752, showed: 'a file was taken for deleted while its new place waited to be read: one file twice' },
  { seed: 931000515, showed: 'two downloads of one moved file at once: zeros in place of its content' },
  { seed: 910007325, showed: 'the same' },
  {
    seed: 90,
    showed: 'a late answer told of an object that a complete listing knew to be gone: it lived on one device',
  },
  { seed: 1352, showed: 'a file on its way out of a deleted folder brought the folder back' },
  {
    seed: 34000428,
    showed: 'no fault: a backup is a copy (H9), and both live when the file is moved elsewhere meanwhile',
  },
  { seed: 5000001397, showed: 'a file touched while its folder was removed came back from the trash: one file twice' },
  {
    seed: 5300002187,
    showed: 'a file moved onto one whose download was not recorded yet was taken for deleted: one file twice',
  },
  { seed: 6100001897, showed: 'a name made anew was told of before the new one of its file: one file twice' },
  { seed: 6100005280, showed: 'the same' },
  {
    seed: 6200000480,
    showed: 'killed while an excluded folder went into the trash, the rest replaced: one file was deleted everywhere',
  },
  { seed: 7000008182, showed: 'a moved file that was not read before a kill kept the bit of its old place' },
  { seed: 34000559, showed: 'no fault: a power cut took a rename back, and the old version went for the new one' },
  {
    seed: 7000000106,
    showed: 'a file in a folder that became ignored before it was read was read again for ever',
    wanted: { sharing: false },
  },
  {
    seed: 7000000244,
    showed: 'what is left alone for the rules kept the server\u2019s object away after it had moved to another place',
    wanted: { sharing: false },
  },
  {
    seed: 7000000213,
    showed: 'what is ignored was downloaded, and stuck where something stood at its place',
    wanted: { sharing: false },
  },
  {
    seed: 7000002869,
    showed: 'a folder that went, with something left alone in it, was waited for for ever',
    wanted: { sharing: false },
  },
  {
    seed: 7000024858,
    showed: 'what lay in an ignored folder stayed away when others renamed the folder',
    wanted: { sharing: false },
  },
  {
    seed: 7100000440,
    showed: 'a file whose place an ignored folder took was left alone for ever',
    wanted: { sharing: false },
  },
  {
    seed: 7300004033,
    showed: 'what went from a folder before that was left alone, and was moved elsewhere, stayed away',
    wanted: { sharing: false },
  },
  {
    seed: 7000040048,
    showed: 'a conflict that was settled put a folder away with all in it',
    wanted: { sharing: false },
  },
  { seed: 7000051723, showed: 'a conflict that was settled put away what is not synced', wanted: { sharing: false } },
  { seed: 7, showed: 'two swapped across the border of a share waited for each other', wanted: SHARES },
  { seed: 32, showed: 'a moved mount was taken for a new folder', wanted: SHARES },
  { seed: 34, showed: 'a server restored to before a folder was shared', wanted: SHARES },
  { seed: 58, showed: 'a member again, without the device having heard of either', wanted: SHARES },
  { seed: 83, showed: 'an editor again: what only the device had was not sent', wanted: SHARES },
  { seed: 126, showed: 'shared before the answer came that it was made', wanted: SHARES },
  { seed: 140, showed: 'a file that lay nowhere while its folder became shared', wanted: SHARES },
  { seed: 7182, showed: 'a first answer after its folder was shared took files out of the share', wanted: SHARES },
  { seed: 7283, showed: 'what was left to a person was forgotten, and said to be in sync', wanted: SHARES },
  { seed: 7304, showed: 'what a share left behind joined another folder', wanted: SHARES },
  { seed: 8000, showed: 'made, moved into a share that came to be, and answered only then', wanted: SHARES },
];
