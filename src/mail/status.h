/*
 * Enhanced status codes (RFC 3463) and their place in replies (RFC 2034).
 */
#ifndef MAIL_STATUS_H
#define MAIL_STATUS_H

#define STATUS_MAX 12

/* Our own network is down: no server is to blame (X.4.0, other or undefined
 * network status). */
#define STATUS_OFFLINE "4.4.0"

/* A smarthost does not accept what proves who we are (X.7.8, authentication
 * credentials invalid): for us never permanent, for it can be mended. */
#define STATUS_AUTH_REFUSED "4.7.8"

/*
 * Find the enhanced status code at the start of a reply's text.
 *
 * text  what follows the reply code and its separator.
 * out   STATUS_MAX bytes; the code as a C string, or "" when there is none.
 *
 * Returns the number of bytes it took, blanks behind it included; 0 when
 * there is none. Class 2, 4 or 5; subject and detail of one to three digits.
 */
int	status_parse(const char *text, char *out);

/*
 * Make status agree with a reply code: the SMTP class decides (faults: "550
 * 4.2.2"), so 550 with "4.2.2" becomes "5.2.2" and an empty one "5.0.0".
 */
void	status_agree(char *status, int code);

/* The usual meaning of a status, for people: "mailbox full". Never NULL. */
const char *status_meaning(const char *status);

#endif
