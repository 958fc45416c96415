#include "config.h"

#include "smtp/command.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"

/*
 * Can a path stand between '<' and '>' and end there? A blank or an angle
 * bracket would end it, unless it is quoted; an address in canonical form
 * passes.
 */
static bool
path_is_sound(const char *path)
{
	bool quoted = false;

	if (str_has_control(path))
		return false;
	for (; *path != '\0'; path++) {
		if (*path == '"')
			quoted = !quoted;
		else if (quoted && *path == '\\' && path[1] != '\0')
			path++;
		else if (!quoted && strchr(" <>\\", *path) != NULL)
			return false;
	}
	return !quoted;
}

/* esmtp-value: no blank and no '=' (RFC 5321 4.1.2); xtext has +3D for it. */
static bool
value_is_sound(const char *value)
{
	return *value != '\0' && !str_has_control(value) &&
	    !str_has_8bit(value) && strpbrk(value, " =") == NULL;
}

int
command_simple(struct buf *out, const char *verb, const char *argument,
    struct err *err)
{
	if (argument == NULL) {
		buf_printf(out, "%s\r\n", verb);
		return 0;
	}
	if (str_has_control(argument))
		return err_set(err, ERR_DATA, "5.1.3",
		    "control character in the argument of %s", verb);
	buf_printf(out, "%s %s\r\n", verb, argument);
	return 0;
}

int
command_mail(struct buf *out, const struct ehlo *ehlo,
    const struct command_mail *mail, struct err *err)
{
	bool envid = ehlo->dsn && mail->envid != NULL;

	if (!path_is_sound(mail->reverse_path))
		return err_set(err, ERR_DATA, "5.1.3",
		    "not a reverse-path: %s", mail->reverse_path);
	if (envid && !value_is_sound(mail->envid))
		return err_set(err, ERR_DATA, "5.1.3", "not an ENVID: %s",
		    mail->envid);
	buf_printf(out, "MAIL FROM:<%s>", mail->reverse_path);
	if (ehlo->size)
		buf_printf(out, " SIZE=%" PRIu64, mail->size);
	if (ehlo->eightbit && mail->eightbit)
		buf_adds(out, " BODY=8BITMIME");
	if (ehlo->utf8 && mail->utf8)
		buf_adds(out, " SMTPUTF8");
	if (ehlo->dsn && mail->ret != RET_NONE)
		buf_printf(out, " RET=%s",
		    mail->ret == RET_FULL ? "FULL" : "HDRS");
	if (envid)
		buf_printf(out, " ENVID=%s", mail->envid);
	buf_adds(out, "\r\n");
	return 0;
}

int
command_rcpt(struct buf *out, const struct ehlo *ehlo, const char *path,
    uint8_t notify, const char *orcpt, struct err *err)
{
	bool has_orcpt = ehlo->dsn && orcpt != NULL;

	if (*path == '\0' || !path_is_sound(path))
		return err_set(err, ERR_DATA, "5.1.3",
		    "not a forward-path: %s", path);
	if (has_orcpt && !value_is_sound(orcpt))
		return err_set(err, ERR_DATA, "5.1.3", "not an ORCPT: %s",
		    orcpt);
	buf_printf(out, "RCPT TO:<%s>", path);
	if (ehlo->dsn && notify != 0) {
		buf_adds(out, " NOTIFY=");
		notify_write(out, notify);
	}
	if (has_orcpt)
		buf_printf(out, " ORCPT=%s", orcpt);
	buf_adds(out, "\r\n");
	return 0;
}
