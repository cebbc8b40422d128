/** Shortest password in characters: NIST SP 800-63B §3.1.1.2 for a password that stands alone with throttling. */
const LEAST = 8;

/** Passwords that guessers try first; longer common ones fall to the same words with digits taken off the end. */
const COMMON = new Set(
  (
    'password passwort passw0rd p@ssword p@ssw0rd motdepasse contraseña qwertyui qwertyuiop qwertzuiop azertyuiop ' +
    'asdfghjkl asdfasdf zxcvbnm iloveyou sunshine princess football baseball superman batman trustno1 welcome ' +
    'letmein whatever starwars computer internet dragon monkey michael jennifer master shadow changeme secret ' +
    'administrator adminadmin satchel abcdefgh abcd1234 1q2w3e4r 1qaz2wsx q1w2e3r4 qwer1234 zaq12wsx'
  ).split(' '),
);

/** Why a password is refused, in a sentence for its owner; undefined when it is good enough. */
export function passwordFault(password: string, email: string): string | undefined {
  if ([...password].length < LEAST) return `A password needs at least ${LEAST} characters.`;
  const folded = password.normalize('NFKC').toLowerCase();
  if (folded === email || folded === email.split('@')[0]) return 'The password must not be the e-mail address.';
  if (new Set(folded).size < 4) return 'The password repeats too few characters.';
  if (/^\d+$/.test(folded) && '01234567890123456789 98765432109876543210'.includes(folded))
    return 'The password is a row of digits.';
  if (COMMON.has(folded) || COMMON.has(folded.replace(/[\d!?.*#]+$/, '')))
    return 'The password is one that guessers try first.';
  return undefined;
}
