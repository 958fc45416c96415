#include "config.h"

#include "spool/envtext.h"

#include <stdlib.h>
#include <string.h>

#include "spool/fields.h"

#define NOTIFY_ALL \
	(NOTIFY_NEVER | NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY)

static int
set_text(char **field, const struct fields *f)
{
	*field = fields_text(f, 1);
	return *field == NULL ? -1 : 0;
}

static int
set_time(time_t *t, const struct fields *f)
{
	uint64_t n;

	if (fields_number(f, 1, INT64_MAX, &n) < 0)
		return -1;
	*t = (time_t)n;
	return 0;
}

static int
set_from(struct envelope *env, const struct fields *f)
{
	return set_text(&env->reverse_path, f);
}

static int
set_arrived(struct envelope *env, const struct fields *f)
{
	return set_time(&env->arrived_s, f);
}

static int
set_expires(struct envelope *env, const struct fields *f)
{
	return set_time(&env->expires_s, f);
}

static int
set_uid(struct envelope *env, const struct fields *f)
{
	uint64_t n;

	if (fields_number(f, 1, UINT32_MAX, &n) < 0)
		return -1;
	env->uid = (uint32_t)n;
	return 0;
}

static int
set_submitter(struct envelope *env, const struct fields *f)
{
	return set_text(&env->submitter, f);
}

static int
set_account(struct envelope *env, const struct fields *f)
{
	return set_text(&env->account, f);
}

static int
set_envid(struct envelope *env, const struct fields *f)
{
	return set_text(&env->envid, f);
}

static int
set_ret(struct envelope *env, const struct fields *f)
{
	char word[8];

	if (fields_copy(f, 1, word, sizeof(word)) < 0)
		return -1;
	if (strcmp(word, "full") == 0)
		env->ret = RET_FULL;
	else if (strcmp(word, "hdrs") == 0)
		env->ret = RET_HDRS;
	else
		return -1;
	return 0;
}

static int
set_body(struct envelope *env, const struct fields *f)
{
	uint64_t n;

	if (fields_number(f, 1, UINT8_MAX, &n) < 0)
		return -1;
	env->body = (uint8_t)n;
	return 0;
}

static int
set_utf8(struct envelope *env, const struct fields *f)
{
	(void)f;
	env->utf8 = true;
	return 0;
}

/* Not envelope_add(): that drops duplicates, and the rows are numbered. */
static int
set_to(struct envelope *env, const struct fields *f)
{
	char *path = fields_text(f, 1);
	uint64_t notify = 0;
	struct rcpt *r;

	if (path == NULL || env->nrcpt >= ENVTEXT_RCPT_MAX ||
	    (f->n > 2 && fields_number(f, 2, NOTIFY_ALL, &notify) < 0)) {
		free(path);
		return -1;
	}
	r = envelope_append(env, path);
	free(path);
	r->notify = (uint8_t)notify;
	if (f->n <= 3)
		return 0;
	r->orcpt = fields_text(f, 3);
	return r->orcpt == NULL ? -1 : 0;
}

static const struct {
	const char *name;
	size_t min, max;	/* fields, the key included */
	bool needed, many;
	int (*set)(struct envelope *, const struct fields *);
} keys[] = {
	{ "to", 2, 4, false, true, set_to },
	{ "from", 2, 2, true, false, set_from },
	{ "arrived", 2, 2, true, false, set_arrived },
	{ "expires", 2, 2, true, false, set_expires },
	{ "uid", 2, 2, true, false, set_uid },
	{ "submitter", 2, 2, false, false, set_submitter },
	{ "account", 2, 2, false, false, set_account },
	{ "envid", 2, 2, false, false, set_envid },
	{ "ret", 2, 2, false, false, set_ret },
	{ "body", 2, 2, false, false, set_body },
	{ "utf8", 1, 1, false, false, set_utf8 },
};

#define NKEYS (sizeof(keys) / sizeof(keys[0]))

/* seen has a bit for each row of keys. */
static int
parse_line(const char *line, size_t n, struct envelope *env, unsigned *seen)
{
	struct fields f;
	size_t i;

	if (fields_split(line, n, &f) < 0)
		return -1;
	for (i = 0; i < NKEYS; i++) {
		if (strlen(keys[i].name) == f.v[0].len &&
		    memcmp(keys[i].name, f.v[0].at, f.v[0].len) == 0)
			break;
	}
	if (i == NKEYS || f.n < keys[i].min || f.n > keys[i].max ||
	    ((*seen >> i & 1) != 0 && !keys[i].many))
		return -1;
	*seen |= 1u << i;
	return keys[i].set(env, &f);
}

static bool
has_needed(unsigned seen)
{
	size_t i;

	for (i = 0; i < NKEYS; i++) {
		if (keys[i].needed && (seen >> i & 1) == 0)
			return false;
	}
	return true;
}

int
envtext_parse(const char *text, size_t n, struct envelope *env,
    struct err *err)
{
	const char *line = text, *end = text + n, *eol;
	size_t number = 0;
	unsigned seen = 0;

	for (; line < end; line = eol + 1) {
		number++;
		eol = memchr(line, '\n', (size_t)(end - line));
		if (eol == NULL ||
		    parse_line(line, (size_t)(eol - line), env, &seen) < 0) {
			return err_set(err, ERR_DATA, NULL,
			    "line %zu of its envelope is not sound", number);
		}
	}
	if (!has_needed(seen)) {
		return err_set(err, ERR_DATA, NULL,
		    "its envelope is not complete");
	}
	return 0;
}

static void
add_key(struct buf *out, const char *key, const char *value)
{
	if (value == NULL)
		return;
	buf_adds(out, key);
	fields_add(out, value);
	buf_addc(out, '\n');
}

static void
add_number(struct buf *out, const char *key, int64_t n)
{
	buf_adds(out, key);
	fields_add_number(out, n < 0 ? 0 : (uint64_t)n);
	buf_addc(out, '\n');
}

static void
add_to(struct buf *out, const struct rcpt *r)
{
	buf_adds(out, "to");
	fields_add(out, r->path);
	if (r->notify != 0 || r->orcpt != NULL)
		fields_add_number(out, r->notify & NOTIFY_ALL);
	if (r->orcpt != NULL)
		fields_add(out, r->orcpt);
	buf_addc(out, '\n');
}

void
envtext_write(struct buf *out, const struct envelope *env)
{
	size_t i;

	add_key(out, "from", env->reverse_path == NULL ?
	    "" : env->reverse_path);
	add_number(out, "arrived", env->arrived_s);
	add_number(out, "expires", env->expires_s);
	add_number(out, "uid", env->uid);
	add_key(out, "submitter", env->submitter);
	add_key(out, "account", env->account);
	add_key(out, "envid", env->envid);
	if (env->ret != RET_NONE)
		add_key(out, "ret", env->ret == RET_FULL ? "full" : "hdrs");
	if (env->body != 0)
		add_number(out, "body", env->body);
	if (env->utf8)
		buf_adds(out, "utf8\n");
	for (i = 0; i < env->nrcpt; i++)
		add_to(out, &env->rcpts[i]);
}
