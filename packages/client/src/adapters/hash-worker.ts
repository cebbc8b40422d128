import { parentPort, type Transferable } from 'node:worker_threads';
import { createBench } from './hash-bench.ts';
import type { ToBench } from './hash-messages.ts';

/** Entry of a hashing thread; started and ended by hash-pool.ts. */
if (parentPort === null) throw new Error('hash-worker.ts runs as a worker thread only.');
const port = parentPort;
const bench = createBench((message, transfer) => port.postMessage(message, transfer as Transferable[]));
port.on('message', (message: ToBench) => bench.receive(message));
