/** A message to one person; `text` is plain text. */
export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/**
 * Outgoing mail.
 *
 * - L1 `send` resolves when somebody else is responsible for the message; failures are `CodedError('unavailable')`.
 * - L2 Mail is never in the way of an account: the caller goes on when sending fails.
 */
export interface Mailer {
  send(mail: Mail): Promise<void>;
}
