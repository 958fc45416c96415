#include "config.h"

#include "deliver/oauth.h"

#include <poll.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fileio.h"
#include "base/str.h"
#include "deliver/credential.h"
#include "deliver/fetch.h"
#include "deliver/tokenstore.h"

#include "https_peer.h"

#define MANY 20

static char spool[64], refresh_file[96], secret_file[96], client[] = "me.app";
static char name[64] = "", host[] = "smtp.example.org", user[] = "ann@x";
static int spool_fd;
static struct account account;

static void
write_file(const char *path, const char *text)
{
	struct err err;

	ck_assert_int_eq(file_replace(spool_fd, path, text, strlen(text),
	    0600, &err), 0);
}

static void
setup(void)
{
	peer_start();
	(void)!snprintf(spool, sizeof(spool), "/tmp/check_oauth.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(spool));
	spool_fd = open(spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(spool_fd, 0);
	(void)!snprintf(refresh_file, sizeof(refresh_file), "%s/refresh",
	    spool);
	(void)!snprintf(secret_file, sizeof(secret_file), "%s/secret", spool);
	write_file("refresh", "r1\n");
	account = (struct account){ .name = name, .nendpoint = 1,
	    .oauth_token_url = peer_url, .oauth_client_id = client,
	    .oauth_refresh_token_file = refresh_file, .ca_file = peer_ca };
	account.endpoints[0].host = host;
	account.endpoints[0].user = user;
}

static void
teardown(void)
{
	char command[128];

	peer_stop();
	close(spool_fd);
	(void)!snprintf(command, sizeof(command), "rm -rf %s", spool);
	ck_assert_int_eq(system(command), 0);
}

/* Ask for a token and expect this one, after so many requests in all. */
static void
expect_token(const char *want, unsigned requests)
{
	struct secret token = { 0 };
	struct err err = { 0 };

	ck_assert_msg(oauth_token(&account, user, spool_fd, false, &token,
	    &err) == 0, "%s", err.text);
	ck_assert_str_eq(token.text, want);
	ck_assert_uint_eq(peer->requests, requests);
	secret_clear(&token);
}

static void
expect_failure(const char *want)
{
	struct secret token = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(oauth_token(&account, user, spool_fd, false, &token,
	    &err), -1);
	ck_assert_str_eq(err.text, want);
	ck_assert_str_eq(err.status, "4.7.0");
	ck_assert_int_eq(err.kind, ERR_TEMP);
	ck_assert_ptr_null(token.text);
}

static const char *
form(void)
{
	return strstr(peer->request, "\r\n\r\n") + 4;
}

/* The form of the latest request has this field. */
static void
expect_field(const char *want)
{
	ck_assert_msg(strstr(form(), want) != NULL, "%s not in %s", want,
	    form());
}

/* Answer number i of a script, and all behind it. */
static void
script(unsigned i, const char *status, const char *body)
{
	peer->mode = PEER_SCRIPT;
	for (; i < PEER_STEPS; i++)
		peer_say_to(peer->script[i], sizeof(peer->script[i]), status,
		    body);
}

static void
read_kept(struct buf *text)
{
	char path[96];
	struct err err;

	(void)!snprintf(path, sizeof(path), "%s/tokens/default", spool);
	buf_clear(text);
	ck_assert_int_eq(file_read(path, 100000, text, &err), 0);
}

static unsigned
mode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(fstatat(spool_fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

START_TEST(asked_once)
{
	peer_say("200 OK", "{\"access_token\":\"t1\",\"token_type\":\"Bearer\","
	    "\"expires_in\":3599,\"scope\":[\"x\"]}");
	expect_token("t1", 1);
	ck_assert_str_eq(form(), "grant_type=refresh_token&refresh_token=r1&"
	    "client_id=me.app");
	expect_token("t1", 1);
	expect_token("t1", 1);
	ck_assert_uint_eq(mode_of("tokens"), 0700);
	ck_assert_uint_eq(mode_of("tokens/default"), 0600);
	ck_assert_uint_eq(mode_of("tokens/.default.lock"), 0600);
}
END_TEST

/* As the header says. */
START_TEST(form_of_the_file)
{
	struct buf text = { 0 }, want = { 0 };
	long long now = (long long)clock_wall();
	char scope[] = "a b%";

	account.oauth_scope = scope;
	peer_say("200 OK", "{\"access_token\":\"t 1\",\"refresh_token\":"
	    "\"r%2\",\"expires_in\":3600}");
	expect_token("t 1", 1);
	read_kept(&text);
	for (int i = 0; i < 5; i++) {
		buf_clear(&want);
		buf_printf(&want, "postrider-token 1\n"
		    "for %s me.app a%%20b%%25 ann@x\n"
		    "access t%%201 %lld %lld\n"
		    "refresh r%%252 %016llx\nend\n", peer_url, now + i,
		    now + i + 3600,
		    (unsigned long long)str_hash(STR_HASH_INIT, "r1", 2));
		if (strcmp(buf_str(&text), buf_str(&want)) == 0)
			break;
	}
	ck_assert_str_eq(buf_str(&text), buf_str(&want));
	expect_token("t 1", 1);
	buf_release(&text);
	buf_release(&want);
}
END_TEST

START_TEST(all_fields)
{
	char scope[] = "https://mail.example.org/ offline+x";

	write_file("refresh", "1//r\xc3\xa9&x=y z%\nmore\n");
	write_file("secret", "s+e=c\n");
	account.oauth_scope = scope;
	account.oauth_client_secret_file = secret_file;
	peer_say("200 OK", "{\"access_token\":\"t\"}");
	expect_token("t", 1);
	ck_assert_str_eq(form(), "grant_type=refresh_token&"
	    "refresh_token=1%2F%2Fr%C3%A9%26x%3Dy%20z%25&client_id=me.app&"
	    "client_secret=s%2Be%3Dc&"
	    "scope=https%3A%2F%2Fmail.example.org%2F%20offline%2Bx");
}
END_TEST

/* Fork n processes that all want the token; returns how many got t1. */
static unsigned
ask_together(unsigned n)
{
	unsigned good = 0;
	int status;

	for (unsigned i = 0; i < n; i++) {
		struct secret token = { 0 };
		struct err err;
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid > 0)
			continue;
		_exit(oauth_token(&account, user, spool_fd, false, &token,
		    &err) == 0 && strcmp(token.text, "t1") == 0 ? 0 : 1);
	}
	for (unsigned i = 0; i < n; i++) {
		ck_assert_int_gt(wait(&status), 0);
		good += status == 0;
	}
	return good;
}

START_TEST(many_at_once)
{
	peer->delay_ms = 500;
	peer_say("200 OK", "{\"access_token\":\"t1\",\"expires_in\":3600}");
	ck_assert_uint_eq(ask_together(MANY), MANY);
	ck_assert_uint_eq(peer->requests, 1);
}
END_TEST

START_TEST(expired)
{
	script(0, "200 OK", "{\"access_token\":\"t1\",\"expires_in\":62}");
	script(1, "200 OK", "{\"access_token\":\"t2\",\"expires_in\":60}");
	script(2, "200 OK", "{\"access_token\":\"t3\",\"expires_in\":3600}");
	expect_token("t1", 1);
	sleep(3);
	/* one that has no more is good for once */
	expect_token("t2", 2);
	expect_token("t3", 3);
	expect_token("t3", 3);
}
END_TEST

/* Replace what is kept: times are seconds from now. */
static void
keep(const char *access, long long got, long long expires)
{
	struct buf text = { 0 };
	long long now = (long long)clock_wall();

	(void)mkdirat(spool_fd, "tokens", 0700);
	buf_printf(&text, "postrider-token 1\nfor %s me.app %% ann@x\n"
	    "access %s %lld %lld\nend\n", peer_url, access, now + got,
	    now + expires);
	write_file("tokens/default", buf_str(&text));
	buf_release(&text);
}

static const struct {
	long long got, expires;
	bool good;
} ages[] = {
	{ 0, 3600, true },
	{ -3000, 600, true },
	{ -3500, 70, true },
	{ -3500, 55, false },		/* ends while it is used */
	{ -3600, 0, false },
	{ -7200, -3600, false },
	{ -20, 80, true },
	{ 0, 55, false },
	{ 30, 3600, true },		/* clocks are not exact */
	{ 3600, 7200, false },		/* the clock was wrong then, or is */
};

START_TEST(age)
{
	peer_say("200 OK", "{\"access_token\":\"new\",\"expires_in\":3600}");
	keep("old", ages[_i].got, ages[_i].expires);
	expect_token(ages[_i].good ? "old" : "new", !ages[_i].good);
}
END_TEST

static const struct {
	const char *text;	/* behind the first two lines, or all */
	bool whole;
} damage[] = {
	{ "", true },
	{ "\n", true },
	{ "postrider-token 2\n", true },
	{ "postrider-token 1\nend\n", true },
	{ "postrider-token 1\nfor x y z u\naccess old 0 99999999999\nend\n",
	    true },
	{ "", false },
	{ "access old 0 99999999999\n", false },
	{ "access old 0 99999999999\nen", false },
	{ "access old 0 99999999999\nend", false },
	{ "access old 0 99999999999\nend\nx\n", false },
	{ "access old 0 99999999999\nrefresh r\nend\n", false },
	{ "access old 0 99999999999\nrefresh r zz\nend\n", false },
	{ "access old 0 99999999999\nrefresh r 1 2\nend\n", false },
	{ "access old 0 99999999999\nmore\nend\n", false },
	{ "access old 0\nend\n", false },
	{ "access old\nend\n", false },
	{ "access\nend\n", false },
	{ "access % 0 99999999999\nend\n", false },
	{ "access  0 99999999999\nend\n", false },
	{ "access o%zz 0 99999999999\nend\n", false },
	{ "access old -1 99999999999\nend\n", false },
	{ "access old 0 99999999999999999999999\nend\n", false },
	{ "access old 0 9999999999999999999\nend\n", false },
	{ "access old x y\nend\n", false },
	{ "access old 0 99999999999 1\nend\n", false },
	{ "access old 0  99999999999\nend\n", false },
};

START_TEST(damaged)
{
	struct buf text = { 0 };

	(void)mkdirat(spool_fd, "tokens", 0700);
	if (!damage[_i].whole)
		buf_printf(&text, "postrider-token 1\n"
		    "for %s me.app %% ann@x\n", peer_url);
	buf_adds(&text, damage[_i].text);
	write_file("tokens/default", buf_str(&text));
	peer_say("200 OK", "{\"access_token\":\"new\",\"expires_in\":3600}");
	expect_token("new", 1);
	expect_token("new", 1);
	buf_release(&text);
}
END_TEST

/* What is kept is for this account as it was set then. */
START_TEST(of_another)
{
	char other[] = "other.app", scope[] = "s";

	peer_say("200 OK", "{\"access_token\":\"t\",\"expires_in\":3600}");
	expect_token("t", 1);
	account.oauth_client_id = other;
	expect_token("t", 2);
	account.oauth_scope = scope;
	expect_token("t", 3);
	expect_token("t", 3);
	strcat(peer_url, "x");
	expect_token("t", 4);
	user[0] = 'A';
	expect_token("t", 5);
	expect_token("t", 5);
}
END_TEST

static const struct {
	const char *name, *file;
} names[] = {
	{ "", "tokens/default" },
	{ "work", "tokens/work" },
	{ "default", "tokens/%64efault" },
	{ "a/../b", "tokens/a%2f..%2fb" },
	{ "..", "tokens/%2e." },
	{ ".lock", "tokens/%2elock" },
	{ "a b%", "tokens/a%20b%25" },
};

START_TEST(file_names)
{
	str_copy(name, sizeof(name), names[_i].name);
	peer_say("200 OK", "{\"access_token\":\"t\",\"expires_in\":3600}");
	expect_token("t", 1);
	ck_assert_uint_eq(mode_of(names[_i].file), 0600);
	expect_token("t", 1);
}
END_TEST

/* The server gives another refresh token with each access token. */
START_TEST(rotation)
{
	script(0, "200 OK", "{\"access_token\":\"t1\",\"refresh_token\":"
	    "\"r2\",\"expires_in\":0}");
	script(1, "200 OK", "{\"access_token\":\"t2\",\"refresh_token\":"
	    "\"r3\",\"expires_in\":0}");
	script(2, "200 OK", "{\"access_token\":\"t3\",\"expires_in\":0}");
	expect_token("t1", 1);
	expect_field("refresh_token=r1&");
	expect_token("t2", 2);
	expect_field("refresh_token=r2&");
	expect_token("t3", 3);
	expect_field("refresh_token=r3&");
	/* none came: the last one stays */
	expect_token("t3", 4);
	expect_field("refresh_token=r3&");
	/* somebody has signed in again */
	write_file("refresh", "r9\n");
	expect_token("t3", 5);
	expect_field("refresh_token=r9&");
	expect_token("t3", 6);
	expect_field("refresh_token=r9&");
}
END_TEST

/* The same one again is no other. */
START_TEST(no_rotation)
{
	peer_say("200 OK", "{\"access_token\":\"t1\",\"refresh_token\":"
	    "\"r1\",\"expires_in\":0}");
	expect_token("t1", 1);
	expect_token("t1", 2);
	expect_field("refresh_token=r1&");
	write_file("refresh", "r2\n");
	expect_token("t1", 3);
	expect_field("refresh_token=r2&");
}
END_TEST

/* The kept one is refused: that of the file may be new, though the same. */
START_TEST(back_to_the_file)
{
	script(0, "200 OK", "{\"access_token\":\"t1\",\"refresh_token\":"
	    "\"r2\",\"expires_in\":0}");
	script(1, "400 Bad Request", "{\"error\":\"invalid_grant\"}");
	script(2, "200 OK", "{\"access_token\":\"t3\",\"expires_in\":0}");
	expect_token("t1", 1);
	expect_token("t3", 3);
	expect_field("refresh_token=r1&");
	expect_token("t3", 4);
	expect_field("refresh_token=r1&");
}
END_TEST

/* A failure loses neither token. */
START_TEST(failure_keeps_all)
{
	script(0, "200 OK", "{\"access_token\":\"t1\",\"refresh_token\":"
	    "\"r2\",\"expires_in\":0}");
	script(1, "503 Later", "");
	script(2, "200 OK", "{\"access_token\":\"t3\",\"expires_in\":0}");
	expect_token("t1", 1);
	expect_failure("oauth-token-url: the server answers with status 503");
	ck_assert_int_eq(faccessat(spool_fd, "tokens/.default.new", F_OK, 0),
	    -1);
	expect_token("t3", 3);
	expect_field("refresh_token=r2&");
}
END_TEST

static const struct {
	const char *status, *body, *want;
} refusals[] = {
	{ "400 Bad Request", "{\"error\":\"invalid_grant\","
	    "\"error_description\":\"Token has been expired or revoked.\"}",
	    "oauth-token-url: the server says invalid_grant (Token has been "
	    "expired or revoked.): sign in again and renew "
	    "oauth-refresh-token-file" },
	{ "400 Bad Request", "{\"error\":\"invalid_grant\"}",
	    "oauth-token-url: the server says invalid_grant: sign in again "
	    "and renew oauth-refresh-token-file" },
	{ "401 Unauthorized", "{\"error\":\"invalid_client\"}",
	    "oauth-token-url: the server says invalid_client: see "
	    "oauth-client-id and oauth-client-secret-file" },
	{ "400 Bad Request", "{\"error\":\"invalid_scope\"}",
	    "oauth-token-url: the server says invalid_scope: see oauth-scope" },
	{ "400 Bad Request", "{\"error\":\"a\\u001b[31m\\nb\"}",
	    "oauth-token-url: the server says a?[31m?b" },
	{ "400 Bad Request", "{\"error\":400}",
	    "oauth-token-url: the server answers with status 400" },
	{ "404 Not Found", "<html>nothing</html>",
	    "oauth-token-url: the server answers with status 404" },
	{ "302 Found\r\nLocation: http://127.0.0.1:1/", "x",
	    "oauth-token-url: the server answers with status 302, to ask "
	    "elsewhere; that is not done" },
	{ "302 Found\r\nLocation: file:///etc/passwd", "x",
	    "oauth-token-url: the server answers with status 302, to ask "
	    "elsewhere; that is not done" },
	{ "204 No Content", "",
	    "oauth-token-url: the server answers with status 204" },
	{ "200 OK", "", "oauth-token-url: no access token in the answer" },
	{ "200 OK", "<html>sign in</html>",
	    "oauth-token-url: no access token in the answer" },
	{ "200 OK", "{}", "oauth-token-url: no access token in the answer" },
	{ "200 OK", "{\"access_token\":\"\"}",
	    "oauth-token-url: no access token in the answer" },
	{ "200 OK", "{\"access_token\":1}",
	    "oauth-token-url: no access token in the answer" },
	{ "200 OK", "{\"access_token\":\"a\\u0000b\"}",
	    "oauth-token-url: no access token in the answer" },
	{ "200 OK", "{\"access_token\":\"a\\nb\"}",
	    "oauth-token-url: no access token in the answer" },
	{ "200 OK", "{\"access_token\":\"x\"",
	    "oauth-token-url: no access token in the answer" },
	{ "200 OK", "{\"access_token\":\"x\",\"token_type\":\"mac\"}",
	    "oauth-token-url: the token is no bearer token" },
};

START_TEST(refusal)
{
	peer_say(refusals[_i].status, refusals[_i].body);
	expect_failure(refusals[_i].want);
	ck_assert_uint_eq(peer->requests, 1);
	ck_assert_int_eq(faccessat(spool_fd, "tokens/default", F_OK, 0), -1);
	/* and once more, when asked once more */
	expect_failure(refusals[_i].want);
	ck_assert_uint_eq(peer->requests, 2);
}
END_TEST

static const struct {
	const char *body;
	long long life;
} lives[] = {
	{ "{\"access_token\":\"t\",\"expires_in\":3599}", 3599 },
	{ "{\"access_token\":\"t\",\"expires_in\":\"3599\"}", 3599 },
	{ "{\"access_token\":\"t\",\"expires_in\":3599.5}", 3599 },
	{ "{\"access_token\":\"t\"}", 3600 },
	{ "{\"access_token\":\"t\",\"expires_in\":null}", 3600 },
	{ "{\"access_token\":\"t\",\"expires_in\":\"soon\"}", 3600 },
	{ "{\"access_token\":\"t\",\"expires_in\":-5}", 0 },
	{ "{\"access_token\":\"t\",\"expires_in\":1e300}", 10 * 366 * 86400 },
	{ "{\"access_token\":\"t\",\"token_type\":\"bEaReR\"}", 3600 },
};

START_TEST(life)
{
	struct buf text = { 0 };
	long long got, expires;
	const char *at;

	peer_say("200 OK", lives[_i].body);
	expect_token("t", 1);
	read_kept(&text);
	at = strstr(buf_str(&text), "\naccess t ");
	ck_assert_ptr_nonnull(at);
	ck_assert_int_eq(sscanf(at, " access t %lld %lld", &got, &expires), 2);
	ck_assert_int_eq(expires - got, lives[_i].life);
	buf_release(&text);
}
END_TEST

START_TEST(long_tokens)
{
	struct buf body = { 0 };
	char *token = malloc(SECRET_MAX + 2);

	ck_assert_ptr_nonnull(token);
	memset(token, '%', SECRET_MAX + 1);
	token[SECRET_MAX + 1] = '\0';
	buf_printf(&body, "{\"access_token\":\"%s\"}", token);
	peer_say("200 OK", buf_str(&body));
	expect_failure("oauth-token-url: no access token in the answer");
	token[SECRET_MAX] = '\0';
	buf_clear(&body);
	buf_printf(&body, "{\"access_token\":\"%s\",\"refresh_token\":\"%s\"}",
	    token, token);
	peer_say("200 OK", buf_str(&body));
	expect_token(token, 2);
	expect_token(token, 2);
	buf_release(&body);
	free(token);
}
END_TEST

/* No room on the disk: the server is not even asked. */
START_TEST(no_room)
{
	struct secret token = { 0 };
	struct rlimit all, little;
	struct err err = { 0 };
	int rc;

	signal(SIGXFSZ, SIG_IGN);
	peer_say("200 OK", "{\"access_token\":\"t\"}");
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &all), 0);
	little = (struct rlimit){ 1000, all.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &little), 0);
	rc = oauth_token(&account, user, spool_fd, false, &token, &err);
	/* Check writes files of its own */
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
	ck_assert_int_eq(rc, -1);
	ck_assert_str_eq(err.text,
	    "tokens in the spool: make room: File too large");
	ck_assert_uint_eq(peer->requests, 0);
	ck_assert_int_eq(faccessat(spool_fd, "tokens/.default.new", F_OK, 0),
	    -1);
}
END_TEST

START_TEST(bad_directory)
{
	peer_say("200 OK", "{\"access_token\":\"t\"}");
	ck_assert_int_eq(symlinkat("/tmp", spool_fd, "tokens"), 0);
	expect_failure("tokens in the spool: open: Not a directory");
	unlinkat(spool_fd, "tokens", 0);
	ck_assert_int_eq(mkdirat(spool_fd, "tokens", 0700), 0);
	ck_assert_int_eq(fchmodat(spool_fd, "tokens", 0705, 0), 0);
	expect_failure(
	    "tokens in the spool: open to all users: chmod o= it");
	ck_assert_uint_eq(peer->requests, 0);
}
END_TEST

/* Links in place of our files are not followed. */
START_TEST(links)
{
	peer_say("200 OK", "{\"access_token\":\"t\"}");
	write_file("victim", "here");
	ck_assert_int_eq(mkdirat(spool_fd, "tokens", 0700), 0);
	ck_assert_int_eq(symlinkat("../victim", spool_fd, "tokens/default"),
	    0);
	ck_assert_int_eq(symlinkat("../victim", spool_fd,
	    "tokens/.default.new"), 0);
	expect_token("t", 1);
	expect_token("t", 1);
	ck_assert_uint_eq(mode_of("tokens/default"), 0600);
	unlinkat(spool_fd, "tokens/.default.lock", 0);
	ck_assert_int_eq(symlinkat("../victim", spool_fd,
	    "tokens/.default.lock"), 0);
	keep("old", -7200, -3600);
	expect_failure("tokens in the spool: open the lock: Too many levels "
	    "of symbolic links");
}
END_TEST

START_TEST(shared)
{
	struct secret token = { 0 };
	struct err err = { 0 };

	peer_say("200 OK", "{\"access_token\":\"t\"}");
	ck_assert_int_eq(fchmod(spool_fd, 02770), 0);
	ck_assert_int_eq(oauth_token(&account, user, spool_fd, true, &token,
	    &err), 0);
	ck_assert_uint_eq(mode_of("tokens"), 02770);
	ck_assert_uint_eq(mode_of("tokens/default"), 0660);
	ck_assert_uint_eq(mode_of("tokens/.default.lock"), 0660);
	secret_clear(&token);
}
END_TEST

START_TEST(forget)
{
	struct credential c = { 0 };

	peer_say("200 OK", "{\"access_token\":\"new\",\"expires_in\":3600}");
	keep("old", -100, 3000);
	expect_token("old", 0);
	secret_set(&c.secret, "old", 3);
	ck_assert(credential_refused(&c, &account, spool_fd));
	expect_token("new", 1);
	/* that one is not the one that was refused */
	ck_assert(credential_refused(&c, &account, spool_fd));
	expect_token("new", 1);
	secret_set(&c.secret, "new", 3);
	ck_assert(credential_refused(&c, &account, spool_fd));
	expect_token("new", 2);
	/* nothing there to forget */
	account.oauth_token_url[strlen(peer_url) - 1] = 'N';
	ck_assert(credential_refused(&c, &account, spool_fd));
	secret_clear(&c.secret);
	ck_assert(credential_refused(&c, &account, spool_fd));
}
END_TEST

/* To forget the access token is not to forget the refresh token. */
START_TEST(forget_half)
{
	struct secret old = { 0 };
	struct buf text = { 0 };

	(void)mkdirat(spool_fd, "tokens", 0700);
	buf_printf(&text, "postrider-token 1\nfor %s me.app %% ann@x\n"
	    "access old 5 99999999999\nrefresh r2 %016llx\nend\n", peer_url,
	    (unsigned long long)str_hash(STR_HASH_INIT, "r1", 2));
	write_file("tokens/default", buf_str(&text));
	secret_set(&old, "old", 3);
	oauth_forget(&account, user, spool_fd, &old);
	secret_clear(&old);
	read_kept(&text);
	ck_assert_ptr_null(strstr(buf_str(&text), "old"));
	ck_assert_ptr_nonnull(strstr(buf_str(&text), "\nrefresh r2 "));
	peer_say("200 OK", "{\"access_token\":\"new\",\"expires_in\":3600}");
	expect_token("new", 1);
	expect_field("refresh_token=r2&");
	buf_release(&text);
}
END_TEST

START_TEST(not_complete)
{
	char http[] = "http://127.0.0.1/";
	struct err err;

	account.oauth_client_id = NULL;
	expect_failure("oauth-client-id is not set");
	account.oauth_client_id = client;
	account.oauth_refresh_token_file = NULL;
	expect_failure("oauth-refresh-token-file is not set");
	account.oauth_refresh_token_file = refresh_file;
	account.oauth_token_url = http;
	expect_failure("oauth-token-url http://127.0.0.1/: does not begin "
	    "with https://");
	account.oauth_token_url = peer_url;
	ck_assert_int_eq(credential_check(&account, &err), 0);
	account.oauth_client_secret_file = secret_file;
	ck_assert_int_eq(credential_check(&account, &err), -1);
	ck_assert_int_eq(err.kind, ERR_CONFIG);
	ck_assert(str_starts(err.text, "oauth-client-secret-file /tmp/"));
	ck_assert_int_eq(fchmodat(spool_fd, "refresh", 0644, 0), 0);
	ck_assert_int_eq(credential_check(&account, &err), -1);
	ck_assert(str_starts(err.text, "oauth-refresh-token-file /tmp/"));
	ck_assert_uint_eq(peer->requests, 0);
}
END_TEST

/* As the dispatcher asks. */
START_TEST(by_credential)
{
	struct credential c = { 0 };
	struct pollfd p;

	peer->delay_ms = 200;
	peer_say("200 OK", "{\"access_token\":\"t1\",\"expires_in\":3600}");
	credential_start(&c, &account, spool_fd, false);
	ck_assert_int_eq(c.state, CREDENTIAL_ASKED);
	ck_assert(c.is_token);
	ck_assert_int_ge(c.deadline - clock_ms(), OAUTH_MAX_MS);
	p = (struct pollfd){ .fd = c.fd, .events = POLLIN };
	while (c.state == CREDENTIAL_ASKED) {
		poll(&p, 1, -1);
		credential_read(&c);
	}
	ck_assert_msg(c.state == CREDENTIAL_READY, "%s", c.err.text);
	ck_assert_str_eq(c.secret.text, "t1");
	credential_release(&c);
}
END_TEST

/* Whoever asked has gone: what the server gave is not lost. */
START_TEST(released_early)
{
	struct credential c = { 0 };

	peer->delay_ms = 300;
	peer_say("200 OK", "{\"access_token\":\"t1\",\"refresh_token\":\"r2\","
	    "\"expires_in\":3600}");
	credential_start(&c, &account, spool_fd, false);
	for (int i = 0; i < 1000 && peer->requests == 0; i++)
		usleep(5000);
	kill(c.pid, SIGTERM);
	credential_release(&c);
	for (int i = 0; i < 1000 && faccessat(spool_fd, "tokens/default",
	    F_OK, 0) < 0; i++)
		usleep(5000);
	expect_token("t1", 1);
}
END_TEST

static const struct {
	enum peer_mode mode;
	const char *want;
} troubles[] = {
	{ PEER_SILENT, "timed out" },
	{ PEER_ENDLESS, "longer than 1000 octets" },
	{ PEER_HANGUP, "https://127.0.0.1:" },
	{ PEER_CLEAR, "https://127.0.0.1:" },
};

START_TEST(fetch)
{
	struct https_request q = { .url = peer_url, .form = "a=b",
	    .ca_file = peer_ca, .timeout_s = 1, .max = 1000 };
	int64_t start = clock_ms();
	struct buf body = { 0 };
	struct err err = { 0 };
	unsigned status = 0;

	peer->mode = troubles[_i].mode;
	peer_say("200 OK", "{}");
	ck_assert_int_eq(fetch_post(&q, &status, &body, &err), -1);
	ck_assert_msg(strstr(err.text, troubles[_i].want) != NULL, "%s",
	    err.text);
	ck_assert_int_lt(clock_ms() - start, 5000);
	peer->mode = PEER_ANSWER;
	ck_assert_msg(fetch_post(&q, &status, &body, &err) == 0, "%s",
	    err.text);
	ck_assert_uint_eq(status, 200);
	ck_assert_str_eq(buf_str(&body), "{}");
	/* nobody is left */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), 0);
	buf_release(&body);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("oauth");
	TCase *tc = tcase_create("oauth");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, asked_once);
	tcase_add_test(tc, form_of_the_file);
	tcase_add_test(tc, all_fields);
	tcase_add_test(tc, many_at_once);
	tcase_add_test(tc, expired);
	tcase_add_loop_test(tc, age, 0, CHECK_ROWS(ages));
	tcase_add_loop_test(tc, damaged, 0, CHECK_ROWS(damage));
	tcase_add_test(tc, of_another);
	tcase_add_loop_test(tc, file_names, 0, CHECK_ROWS(names));
	tcase_add_test(tc, rotation);
	tcase_add_test(tc, no_rotation);
	tcase_add_test(tc, back_to_the_file);
	tcase_add_test(tc, failure_keeps_all);
	tcase_add_loop_test(tc, refusal, 0, CHECK_ROWS(refusals));
	tcase_add_loop_test(tc, life, 0, CHECK_ROWS(lives));
	tcase_add_test(tc, long_tokens);
	tcase_add_test(tc, no_room);
	tcase_add_test(tc, bad_directory);
	tcase_add_test(tc, links);
	tcase_add_test(tc, shared);
	tcase_add_test(tc, forget);
	tcase_add_test(tc, forget_half);
	tcase_add_test(tc, not_complete);
	tcase_add_test(tc, by_credential);
	tcase_add_test(tc, released_early);
	tcase_add_loop_test(tc, fetch, 0, CHECK_ROWS(troubles));
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return check_run(suite());
}
