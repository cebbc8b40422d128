import type { Logger } from 'pino';
import type { Mailer } from '../../ports/mailer.ts';

/** The mailer of a server without a mail server: messages, links included, stand in the log. */
export function createLogMailer(log: Pick<Logger, 'warn'>): Mailer {
  return {
    send: async (mail) => {
      log.warn({ mail }, 'no mail server is configured; the message that was to be sent');
    },
  };
}
