import { Violation } from './checks.ts';
import type { SimDevice } from './device.ts';
import type { SimServer } from './server.ts';

interface Examined {
  readonly devices: readonly SimDevice[];
  readonly server: SimServer;
  /** Old versions may be damaged for good. */
  readonly isDamaged: boolean;
}

/** What says that it is in sync bears being looked at hop by hop (H103). */
export async function examine({ devices, server, isDamaged }: Examined): Promise<void> {
  for (const { name, running } of devices) {
    const { findings = [] } = (await running?.control.doctor(new AbortController().signal)) ?? {};
    if (findings.length > 0) throw new Violation('doctor', `${name}: ${JSON.stringify(findings)}`);
  }
  const findings = isDamaged ? [] : await server.doctor();
  if (findings.length > 0) throw new Violation('doctor', `the server: ${JSON.stringify(findings)}`);
}
