import { cacheContract } from '../../ports/cache.contract.ts';
import { createMemoryCache } from './cache.ts';

cacheContract('memory', async (entries) => createMemoryCache({ entries }));
cacheContract('memory that forgets deletions', async (entries) => createMemoryCache({ entries, deletions: 20 }));
