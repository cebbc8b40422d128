import { CodedError } from '@satchel/protocol/errors.ts';
import type { Calls } from './calls.ts';
import type { Services } from './services.ts';

/** Accounts, devices, tokens and plans. */
export function accountRoutes(calls: Calls, { accounts, meta }: Services): void {
  calls.on('signup', ({ body }) => accounts.signUp(body));
  calls.on('login', ({ body, request }) => accounts.signIn(body, request.ip));
  calls.on('logout', ({ caller }) => accounts.revokeDevice(caller, caller.deviceId));
  calls.on('verifyEmail', async ({ query }) => {
    if (await accounts.confirmEmail(query.token)) return {};
    throw new CodedError('not_found', 'This link has expired or was used before.');
  });
  calls.on('token', ({ body }) => accounts.refresh(body.refresh_token));
  calls.on('account', ({ caller }) => meta.account(caller));
  calls.on('devices', ({ caller }) => accounts.devices(caller));
  calls.on('revokeDevice', ({ caller, params }) => accounts.revokeDevice(caller, params.device_id));
  calls.on('plans', ({ caller }) => meta.plans(caller));
}
