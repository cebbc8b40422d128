import { CLIENT_FAULTS } from './client-faults.ts';
import { CORE_FAULTS } from './core-faults.ts';
import { DISK_FAULTS } from './disk-faults.ts';
import type { Mutant } from './mutant.ts';
import { SERVER_FAULTS } from './server-faults.ts';

/** All faults that the tests must notice. One that they do not is a test that is missing. */
export const MUTANTS: readonly Mutant[] = [...CORE_FAULTS, ...DISK_FAULTS, ...CLIENT_FAULTS, ...SERVER_FAULTS];
