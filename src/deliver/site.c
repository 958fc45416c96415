#include "config.h"

#include "deliver/site.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "deliver/target.h"

void
task_add(struct task_list *list, struct item *item, size_t rcpt)
{
	list->v = xgrow(list->v, list->n, &list->cap, sizeof(*list->v));
	list->v[list->n++] = (struct task){ item, (uint32_t)rcpt };
}

void
task_list_release(struct task_list *list)
{
	free(list->v);
	*list = (struct task_list){ 0 };
}

static int
by_pref_and_name(const void *a, const void *b)
{
	const struct mx_host *x = *(const struct mx_host *const *)a;
	const struct mx_host *y = *(const struct mx_host *const *)b;

	if (x->pref != y->pref)
		return x->pref < y->pref ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* What an account is opened with: settings, and which version of files. */
static const struct {
	size_t at;
	bool is_file;
} proofs[] = {
#define AT(member) offsetof(struct account, member)
	{ AT(password_file), true }, { AT(password_command), false },
	{ AT(token_command), false }, { AT(netrc), true },
	{ AT(oauth_token_url), false }, { AT(oauth_client_id), false },
	{ AT(oauth_client_secret_file), true },
	{ AT(oauth_refresh_token_file), true }, { AT(oauth_scope), false },
	{ AT(auth), false }, { AT(ca_file), true }, { AT(client_cert), true },
	{ AT(client_key), true }, { AT(tls_pin), false }, { AT(proxy), false },
	{ AT(hostname), false }, { AT(source_address), false },
#undef AT
};

static uint64_t
stamp(uint64_t h, const char *text, bool is_file)
{
	struct stat st;

	h = str_hash(h, text, strlen(text) + 1);
	if (!is_file || stat(text, &st) < 0)
		return h;
	h = str_hash(h, &st.st_mtim, sizeof(st.st_mtim));
	return str_hash(h, &st.st_ino, sizeof(st.st_ino));
}

static void
smarthost_key(const struct account *account, struct buf *out)
{
	uint64_t h = STR_HASH_INIT;

	buf_adds(out, "smarthost ");
	account_write_smarthost(account, out);
	for (size_t i = 0; i < sizeof(proofs) / sizeof(proofs[0]); i++) {
		const char *text = *(char *const *)((const char *)account +
		    proofs[i].at);

		/* which of them it is counts as well */
		if (text != NULL)
			h = stamp(str_hash(h, &i, sizeof(i)), text,
			    proofs[i].is_file);
	}
	buf_printf(out, " %016" PRIx64, h);
}

static void
mx_key(const struct mx_answer *answer, struct buf *out)
{
	const struct mx_host *v[MX_HOSTS_MAX];
	size_t n = answer->nhost;

	for (size_t i = 0; i < n; i++)
		v[i] = &answer->host[i];
	qsort(v, n, sizeof(v[0]), by_pref_and_name);
	buf_adds(out, "mx");
	for (size_t i = 0; i < n; i++) {
		/* only the order of preferences counts, not their numbers */
		buf_addc(out, i > 0 && v[i]->pref != v[i - 1]->pref ? ';' : ' ');
		buf_adds(out, v[i]->name);
	}
}

void
site_key(const struct way *way, const struct mx_answer *answer,
    struct buf *out)
{
	if (way->kind == WAY_SMARTHOST) {
		smarthost_key(way->account, out);
		return;
	}
	if (way->kind == WAY_HOST) {
		target_name(way, "", out);
		return;
	}
	mx_key(answer, out);
	if (target_is_own(way))
		buf_printf(out, " from %s", way->account->name);
}

void
site_refusal_key(const char *key, size_t endpoint, struct buf *out)
{
	buf_printf(out, "auth %zu %s", endpoint, key);
}

struct site *
site_new(const char *key, const struct way *way,
    const struct mx_answer *answer)
{
	struct site *site = xcalloc(1, sizeof(*site));
	size_t size = answer->nhost * sizeof(*site->hosts);

	site->key = xstrdup(key);
	site->way = way->kind;
	site->account = way->account;
	site->nhost = answer->nhost;
	site->hosts = xmalloc(size);
	memcpy(site->hosts, answer->host, size);
	return site;
}

void
site_free(struct site *site)
{
	if (site == NULL)
		return;
	free(site->key);
	free(site->hosts);
	free(site->failure);
	credential_release(&site->credential);
	free(site->refusals);
	task_list_release(&site->tasks);
	free(site);
}

void
site_add(struct site *site, struct item *item, size_t rcpt)
{
	struct task_list *list = &site->tasks;

	/* what was handed out is not looked at again */
	if (site->next == list->n) {
		site->next = list->n = 0;
		site->since_ms = clock_ms();
	}
	if (list->n == site->next || list->v[list->n - 1].item != item)
		site->messages++;
	task_add(list, item, rcpt);
	site->sorted = false;
}

size_t
site_left(const struct site *site)
{
	return site->tasks.n - site->next;
}

static int
by_message(const void *a, const void *b)
{
	const struct task *x = a, *y = b;
	int order = strcmp(x->item->entry.id, y->item->entry.id);

	if (order != 0)
		return order;
	return x->rcpt < y->rcpt ? -1 : x->rcpt > y->rcpt;
}

/* Bring the tasks of a message together, and count the messages anew: those
 * of many domains came in turns. */
static void
group(struct site *site)
{
	struct task *first = site->tasks.v + site->next;
	size_t left = site_left(site);

	/* ids sort by time, so the oldest message goes first */
	if (left > 0)
		qsort(first, left, sizeof(*first), by_message);
	site->messages = 0;
	for (size_t i = 0; i < left; i++)
		site->messages += i == 0 || first[i].item != first[i - 1].item;
	site->sorted = true;
}

const struct task *
site_load(struct site *site, unsigned max, size_t *n)
{
	const struct task *first = site->tasks.v + site->next;
	size_t left = site_left(site), i = 0;
	unsigned messages = 0;

	if (!site->sorted)
		group(site);
	for (; i < left; i++)
		if ((i == 0 || first[i].item != first[i - 1].item) &&
		    messages++ == max)
			break;
	site->next += i;
	site->messages -= messages > max ? max : messages;
	*n = i;
	return first;
}

void
site_unload(struct site *site, size_t n)
{
	site->next -= n;
	for (size_t i = site->next; n > 0; i++, n--)
		if (n == 1 || site->tasks.v[i].item != site->tasks.v[i + 1].item)
			site->messages++;
}
