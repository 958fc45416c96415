/*
 * Whole dialogues with a scripted server. The rows come in three tables:
 * sessions in order, refusals, and servers that misbehave.
 */
#include "config.h"

#include "check.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "smtp/client.h"
#include "smtp_peer.h"

#define MAIL "MAIL FROM:<s@y>\r\n"
#define RCPT(path) "RCPT TO:<" path ">\r\n"
#define DATA "DATA\r\n"
#define RSET "RSET\r\n"
#define QUIT "QUIT\r\n"
#define OK "250 ok\r\n"
#define GO "354 go\r\n"
#define BYE "221 bye\r\n"
#define HANG_UP PEER_HANG_UP
#define TEXT "Subject: x\r\n\r\nhi\r\n"		/* 18 octets */
#define DOT ".\r\n"
#define BDAT "BDAT 18 LAST\r\n" TEXT
#define PIPE "PIPELINING\n"
#define CHUNK "PIPELINING\nCHUNKING\n"

#define MESSAGES_MAX 4
#define RCPTS_MAX 8

struct dialogue {
	const char *name;
	const char *offers;
	struct {
		const char *rcpts;	/* "a@x b@x" */
		const char *text;	/* NULL: TEXT */
	} messages[MESSAGES_MAX];
	struct turn turns[PEER_TURNS];	/* behind the reply to EHLO */
	const char *verdicts;	/* lines "path kind code status", '?': doubt */
	int	    rc;
	enum outcome_stage stage;	/* when rc is -1 */
	unsigned    rcpt_max;
};

static const struct smtp_patience patience = { 2, 2, 2, 2, 2, 2, 2, 1, 1 };

static const struct dialogue sessions[] = {
	{ "a word at a time", "", { { "a@x b@x", NULL } }, {
		{ MAIL, OK }, { RCPT("a@x"), OK }, { RCPT("b@x"), OK },
		{ DATA, GO }, { TEXT DOT, OK }, { QUIT, BYE },
	}, "a@x delivered 250 2.0.0\nb@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "pipelining", PIPE, { { "a@x b@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") DATA, OK OK OK GO },
		{ TEXT DOT QUIT, "250 2.6.0 taken\r\n" BYE },
	}, "a@x delivered 250 2.6.0\nb@x delivered 250 2.6.0\n", 0, 0, 0 },
	{ "pipelining, further messages in the flight of the body", PIPE,
		{ { "a@x", NULL }, { "b@x", NULL }, { "c@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO },
		{ TEXT DOT MAIL RCPT("b@x") DATA, OK OK OK GO },
		{ TEXT DOT MAIL RCPT("c@x") DATA, OK OK OK GO },
		{ TEXT DOT QUIT, OK BYE },
	}, "a@x delivered 250 2.0.0\nb@x delivered 250 2.0.0\n"
	    "c@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "chunking: one flight", CHUNK, { { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") BDAT QUIT, OK OK OK BYE },
	}, "a@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "chunking: QUIT waits for RCPTs that could ask for more", CHUNK,
		{ { "a@x b@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") BDAT, OK OK OK OK },
		{ QUIT, NULL },
	}, "a@x delivered 250 2.0.0\nb@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "chunking: one body unheard at most", CHUNK,
		{ { "a@x", NULL }, { "b@x", NULL }, { "c@x", NULL } }, {
		{ MAIL RCPT("a@x") BDAT MAIL RCPT("b@x"), OK OK OK OK OK },
		{ BDAT MAIL RCPT("c@x"), OK OK OK },
		{ BDAT QUIT, OK BYE },
	}, "a@x delivered 250 2.0.0\nb@x delivered 250 2.0.0\n"
	    "c@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "chunking without pipelining", "CHUNKING\n", { { "a@x", NULL } }, {
		{ MAIL, OK }, { RCPT("a@x"), OK }, { BDAT, OK },
		{ QUIT, NULL },
	}, "a@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "an empty message", CHUNK, { { "a@x", "" } }, {
		{ MAIL RCPT("a@x") "BDAT 0 LAST\r\n" QUIT, OK OK OK BYE },
	}, "a@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "an empty message by DATA", PIPE, { { "a@x", "" } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO }, { DOT QUIT, OK },
	}, "a@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "dots are doubled", PIPE, { { "a@x", ".a\r\n.\r\nb.\r\n" } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO },
		{ "..a\r\n..\r\nb.\r\n" DOT QUIT, OK },
	}, "a@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "but not in a chunk", CHUNK, { { "a@x", ".a\r\n.\r\n" } }, {
		{ MAIL RCPT("a@x") "BDAT 7 LAST\r\n.a\r\n.\r\n" QUIT,
		    OK OK OK },
	}, "a@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "an unended line is ended", PIPE, { { "a@x", "hi" } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO },
		{ "hi\r\n" DOT QUIT, OK },
	}, "a@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "SIZE is told", PIPE "SIZE 100\n", { { "a@x", NULL } }, {
		{ "MAIL FROM:<s@y> SIZE=18\r\n" RCPT("a@x") DATA, OK OK GO },
		{ TEXT DOT QUIT, OK },
	}, "a@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "recipients beyond our limit", PIPE, { { "a@x b@x c@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") DATA, OK OK OK GO },
		{ TEXT DOT MAIL RCPT("c@x") DATA, OK OK OK GO },
		{ TEXT DOT QUIT, OK },
	}, "a@x delivered 250 2.0.0\nb@x delivered 250 2.0.0\n"
	    "c@x delivered 250 2.0.0\n", 0, 0, 2 },
	{ "recipients beyond the server's limit",
		PIPE "LIMITS RCPTMAX=1\n", { { "a@x b@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO },
		{ TEXT DOT MAIL RCPT("b@x") DATA, OK OK OK GO },
		{ TEXT DOT QUIT, OK },
	}, "a@x delivered 250 2.0.0\nb@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "messages beyond the server's limit", PIPE "LIMITS MAILMAX=1\n",
		{ { "a@x", NULL }, { "b@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO },
		{ TEXT DOT, OK }, { QUIT, NULL },
	}, "a@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "nothing to do", PIPE, { { "", NULL } }, { { QUIT, NULL } }, "", 0,
		0, 0 },
	{ "closed after the verdict", PIPE, { { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO },
		{ TEXT DOT QUIT, OK HANG_UP },
	}, "a@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "a reply of many lines to the dot", PIPE, { { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO },
		{ TEXT DOT QUIT, "250-2.0.0 one\r\n250 2.0.0 two\r\n" },
	}, "a@x delivered 250 2.0.0\n", 0, 0, 0 },
};

static const struct dialogue refusals[] = {
	{ "MAIL, later", PIPE, { { "a@x b@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") DATA,
		    "451 4.7.1 wait\r\n" "503 x\r\n503 x\r\n503 x\r\n" },
		{ QUIT, NULL },
	}, "a@x deferred 451 4.7.1\nb@x deferred 451 4.7.1\n", 0, 0, 0 },
	{ "MAIL, never, a word at a time", "", { { "a@x", NULL },
		{ "b@x", NULL } }, {
		{ MAIL, "550 no\r\n" },
		{ MAIL, OK }, { RCPT("b@x"), OK }, { DATA, GO },
		{ TEXT DOT, OK }, { QUIT, NULL },
	}, "a@x failed 550 5.0.0\nb@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "MAIL, but 354 to DATA", PIPE, { { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, "550 no\r\n" OK GO },
		{ DOT, OK }, { QUIT, NULL },
	}, "a@x failed 550 5.0.0\n", 0, 0, 0 },
	{ "MAIL behind a body", PIPE, { { "a@x", NULL }, { "b@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO },
		{ TEXT DOT MAIL RCPT("b@x") DATA,
		    OK "452 4.3.1 x\r\n503 x\r\n503 x\r\n" },
		{ QUIT, NULL },
	}, "a@x delivered 250 2.0.0\nb@x deferred 452 4.3.1\n", 0, 0, 0 },
	{ "MAIL, chunking", CHUNK, { { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") BDAT QUIT,
		    "550 5.7.1 no\r\n503 x\r\n503 x\r\n" },
	}, "a@x failed 550 5.7.1\n", 0, 0, 0 },
	{ "RCPT, each by its own reply", PIPE,
		{ { "a@x b@x c@x d@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") RCPT("c@x") RCPT("d@x") DATA,
		    OK OK "450 4.2.0 grey\r\n550 5.1.1 who\r\n"
		    "251 forwarded\r\n" GO },
		{ TEXT DOT QUIT, OK },
	}, "b@x deferred 450 4.2.0\nc@x failed 550 5.1.1\n"
	    "a@x delivered 250 2.0.0\nd@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "RCPT, all, with 354", PIPE, { { "a@x b@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") DATA,
		    OK "550 5.1.1 a\r\n550 5.1.1 b\r\n" GO },
		{ DOT, OK }, { QUIT, NULL },
	}, "a@x failed 550 5.1.1\nb@x failed 550 5.1.1\n", 0, 0, 0 },
	{ "RCPT, all, then the next message behind the dot", PIPE,
		{ { "a@x", NULL }, { "b@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK "550 no\r\n" GO },
		{ DOT MAIL RCPT("b@x") DATA, "554 none\r\n" OK OK GO },
		{ TEXT DOT QUIT, OK },
	}, "a@x failed 550 5.0.0\nb@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "RCPT, all, without pipelining: no DATA", "", { { "a@x", NULL },
		{ "b@x", NULL } }, {
		{ MAIL, OK }, { RCPT("a@x"), "550 no\r\n" }, { RSET, OK },
		{ MAIL, OK }, { RCPT("b@x"), "550 no\r\n" }, { QUIT, NULL },
	}, "a@x failed 550 5.0.0\nb@x failed 550 5.0.0\n", 0, 0, 0 },
	{ "RCPT, all, chunking: the chunk is refused too", CHUNK,
		{ { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") BDAT QUIT,
		    OK "550 5.1.1 no\r\n503 x\r\n" },
	}, "a@x failed 550 5.1.1\n", 0, 0, 0 },
	{ "RCPT, all, chunking: the chunk is taken for nobody", CHUNK,
		{ { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") BDAT QUIT, OK "550 5.1.1 no\r\n" OK },
	}, "a@x failed 550 5.1.1\n", 0, 0, 0 },
	{ "RCPT behind a chunk: no second one", CHUNK,
		{ { "a@x", NULL }, { "b@x", NULL }, { "c@x", NULL } }, {
		{ MAIL RCPT("a@x") BDAT MAIL RCPT("b@x"),
		    OK OK OK OK "550 5.1.1 no\r\n" },
		{ RSET MAIL RCPT("c@x") BDAT QUIT, OK OK OK OK },
	}, "a@x delivered 250 2.0.0\nb@x failed 550 5.1.1\n"
	    "c@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "DATA", PIPE, { { "a@x b@x", NULL }, { "c@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") DATA,
		    OK OK "550 5.1.1 no\r\n451 4.3.0 x\r\n" },
		{ RSET MAIL RCPT("c@x") DATA, OK OK OK "554 5.7.1 x\r\n" },
		{ QUIT, NULL },
	}, "a@x deferred 451 4.3.0\nb@x failed 550 5.1.1\n"
	    "c@x failed 554 5.7.1\n", 0, 0, 0 },
	{ "the dot, later", PIPE, { { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO },
		{ TEXT DOT QUIT, "451 4.3.0 wait\r\n" },
	}, "a@x deferred 451 4.3.0\n", 0, 0, 0 },
	{ "the dot, never, and the next is not touched by it", PIPE,
		{ { "a@x", NULL }, { "b@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO },
		{ TEXT DOT MAIL RCPT("b@x") DATA, "554 spam\r\n" OK OK GO },
		{ TEXT DOT QUIT, OK },
	}, "a@x failed 554 5.0.0\nb@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "the class of the code decides", PIPE, { { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK "550 4.2.2 full\r\n503 x\r\n" },
		{ QUIT, NULL },
	}, "a@x failed 550 5.2.2\n", 0, 0, 0 },
	{ "a chunk, and MAIL behind it", CHUNK,
		{ { "a@x", NULL }, { "b@x", NULL } }, {
		{ MAIL RCPT("a@x") BDAT MAIL RCPT("b@x"),
		    OK OK "552 5.3.4 x\r\n503 nested\r\n503 x\r\n" },
		{ RSET MAIL RCPT("b@x") BDAT, OK OK OK OK }, { QUIT, NULL },
	}, "a@x failed 552 5.3.4\nb@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "too many", PIPE, { { "a@x b@x c@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") RCPT("c@x") DATA,
		    OK OK "452 4.5.3 many\r\n452 4.5.3 many\r\n" GO },
		{ TEXT DOT, OK },
		{ MAIL RCPT("b@x") RCPT("c@x") DATA,
		    OK OK "452 4.5.3 many\r\n" GO },
		{ TEXT DOT, OK },
		{ MAIL RCPT("c@x") DATA, OK OK GO },
		{ TEXT DOT, OK }, { QUIT, NULL },
	}, "a@x delivered 250 2.0.0\nb@x delivered 250 2.0.0\n"
	    "c@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "too many, as 552 without status", PIPE, { { "a@x b@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") DATA,
		    OK OK "552 too many recipients\r\n" GO },
		{ TEXT DOT, OK },
		{ MAIL RCPT("b@x") DATA, OK OK GO },
		{ TEXT DOT, OK }, { QUIT, NULL },
	}, "a@x delivered 250 2.0.0\nb@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "too many, chunking", CHUNK, { { "a@x b@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") BDAT,
		    OK OK "452 4.5.3 many\r\n" OK },
		{ MAIL RCPT("b@x") BDAT, OK OK OK }, { QUIT, NULL },
	}, "a@x delivered 250 2.0.0\nb@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "one domain at a time", PIPE, { { "a@x b@y", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@y") DATA, OK OK "451 4.3.0 Multiple"
		    " destination domains per transaction\r\n" GO },
		{ TEXT DOT, OK },
		{ MAIL RCPT("b@y") DATA, OK OK GO },
		{ TEXT DOT, OK }, { QUIT, NULL },
	}, "a@x delivered 250 2.0.0\nb@y delivered 250 2.0.0\n", 0, 0, 0 },
	{ "too many, but nobody before", PIPE, { { "a@x b@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") DATA,
		    OK "552 5.5.3 many\r\n452 4.5.3 many\r\n503 x\r\n" },
		{ QUIT, NULL },
	}, "a@x deferred 552 4.5.3\nb@x deferred 452 4.5.3\n", 0, 0, 0 },
	{ "a full mailbox is not too many", PIPE,
		{ { "a@x b@x c@x d@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") RCPT("c@x") RCPT("d@x") DATA,
		    OK OK "452 4.2.2 full\r\n552 5.2.2 full\r\n"
		    "552 mailbox full\r\n" GO },
		{ TEXT DOT QUIT, OK },
	}, "b@x deferred 452 4.2.2\nc@x failed 552 5.2.2\n"
	    "d@x failed 552 5.0.0\na@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "larger than the server takes: not even MAIL", PIPE "SIZE 17\n",
		{ { "a@x", NULL } }, { { QUIT, NULL } },
		"a@x failed 0 5.3.4\n", 0, 0, 0 },
	{ "an address in UTF-8, and one beside it", PIPE,
		{ { "j\xc3\xb6@x b@x", NULL } }, {
		{ MAIL RCPT("b@x") DATA, OK OK GO }, { TEXT DOT QUIT, OK },
	}, "j\xc3\xb6@x failed 0 5.6.7\nb@x delivered 250 2.0.0\n", 0, 0, 0 },
	{ "an address that is a command", PIPE, { { "a\n@x b@x", NULL } }, {
		{ MAIL RCPT("b@x") DATA, OK OK GO }, { TEXT DOT QUIT, OK },
	}, "a\n@x failed 0 5.1.3\nb@x delivered 250 2.0.0\n", 0, 0, 0 },
};

static const struct dialogue faults[] = {
	{ "closed after MAIL", "", { { "a@x", NULL } }, {
		{ MAIL, HANG_UP },
	}, "", -1, STAGE_MAIL, 0 },
	{ "closed in the envelope: what is known stays", PIPE,
		{ { "a@x b@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") DATA, OK "550 5.1.1 no\r\n"
		    HANG_UP },
	}, "a@x failed 550 5.1.1\n", -1, STAGE_RCPT, 0 },
	{ "closed after the dot", PIPE, { { "a@x b@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") DATA, OK OK "550 no\r\n" GO },
		{ TEXT DOT QUIT, HANG_UP },
	}, "b@x failed 550 5.0.0\na@x deferred 0 4.4.2?\n", -1, STAGE_DOT,
		0 },
	{ "closed after the dot, the next not in doubt", PIPE,
		{ { "a@x", NULL }, { "b@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO },
		{ TEXT DOT MAIL RCPT("b@x") DATA, HANG_UP },
	}, "a@x deferred 0 4.4.2?\n", -1, STAGE_DOT, 0 },
	{ "closed after a chunk", CHUNK, { { "a@x b@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") BDAT, OK "550 5.1.1 no\r\n"
		    HANG_UP },
	}, "b@x deferred 0 4.4.2?\na@x failed 550 5.1.1\n", -1, STAGE_RCPT,
		0 },
	{ "closed after a chunk: too many is not in doubt", CHUNK,
		{ { "a@x b@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") BDAT,
		    OK OK "452 4.5.3 many\r\n" HANG_UP },
	}, "a@x deferred 0 4.4.2?\n", -1, STAGE_DOT, 0 },
	{ "silence after the dot", PIPE, { { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO }, { TEXT DOT QUIT, NULL },
	}, "a@x deferred 0 4.4.2?\n", -1, STAGE_DOT, 0 },
	{ "closed behind 354", PIPE, { { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO HANG_UP },
	}, "", -1, STAGE_DATA, 0 },
	{ "no reply at all", PIPE, { { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO },
		{ TEXT DOT QUIT, "2X0 ok\r\n" },
	}, "a@x deferred 0 4.4.2?\n", -1, STAGE_DOT, 0 },
	{ "half a reply", PIPE, { { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO },
		{ TEXT DOT QUIT, "250-ok\r\n" HANG_UP },
	}, "a@x deferred 0 4.4.2?\n", -1, STAGE_DOT, 0 },
	{ "354 again", PIPE, { { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO }, { TEXT DOT QUIT, GO },
	}, "a@x deferred 354 4.5.0\n", -1, STAGE_DOT, 0 },
	{ "250 to DATA", PIPE, { { "a@x b@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") DATA,
		    OK "550 no\r\n" OK OK },
	}, "", -1, STAGE_DATA, 0 },
	{ "354 to MAIL", PIPE, { { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, GO OK OK },
	}, "", -1, STAGE_MAIL, 0 },
	{ "354 to RCPT", "", { { "a@x", NULL } }, {
		{ MAIL, OK }, { RCPT("a@x"), GO },
	}, "", -1, STAGE_RCPT, 0 },
	{ "BDAT offered and unknown", CHUNK, { { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") BDAT QUIT, OK OK "500 what?\r\n" },
	}, "", -1, STAGE_DOT, 0 },
	{ "MAIL does not know SIZE, a chunk behind it: nobody is in doubt",
		CHUNK "SIZE 100\n", { { "a@x", NULL } }, {
		{ "MAIL FROM:<s@y> SIZE=18\r\n" RCPT("a@x") BDAT QUIT,
		    "501 5.5.4 SIZE?\r\n503 x\r\n503 x\r\n" BYE },
	}, "", -1, STAGE_MAIL, 0 },
	{ "421 to MAIL", PIPE, { { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, "421 4.3.2 bye\r\n" HANG_UP },
	}, "", -1, STAGE_MAIL, 0 },
	{ "421 between RCPTs", PIPE, { { "a@x b@x c@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") RCPT("c@x") DATA,
		    OK OK "550 5.1.1 no\r\n421 bye\r\n" HANG_UP },
	}, "b@x failed 550 5.1.1\n", -1, STAGE_RCPT, 0 },
	{ "421 to DATA", PIPE, { { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK OK "421 bye\r\n" HANG_UP },
	}, "", -1, STAGE_DATA, 0 },
	{ "421 to the dot", PIPE, { { "a@x", NULL }, { "b@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO },
		{ TEXT DOT MAIL RCPT("b@x") DATA, "421 bye\r\n" HANG_UP },
	}, "", -1, STAGE_DOT, 0 },
	{ "421 behind the dot: the delivered stays", PIPE,
		{ { "a@x", NULL }, { "b@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO },
		{ TEXT DOT MAIL RCPT("b@x") DATA, OK "421 bye\r\n" HANG_UP },
	}, "a@x delivered 250 2.0.0\n", -1, STAGE_MAIL, 0 },
	{ "421 before a chunk is looked at", CHUNK, { { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") BDAT QUIT, "421 bye\r\n" HANG_UP },
	}, "", -1, STAGE_MAIL, 0 },
	{ "a reply to the dot for each recipient, as in LMTP", PIPE,
		{ { "a@x b@x", NULL }, { "c@x d@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") DATA, OK OK OK GO },
		{ TEXT DOT MAIL RCPT("c@x") RCPT("d@x") DATA,
		    OK OK OK "550 5.1.1 no\r\n" OK GO },
	}, "a@x delivered 250 2.0.0\nb@x delivered 250 2.0.0\n", -1,
		STAGE_DATA, 0 },
};

/* These depend on what arrives together, so they cannot come by octets. */
static const struct dialogue early[] = {
	{ "delivered before the message was sent", PIPE, { { "a@x", NULL } }, {
		{ MAIL RCPT("a@x") DATA, OK OK GO OK },
	}, "", -1, STAGE_DATA, 0 },
	{ "before the dot, without pipelining", "", { { "a@x", NULL } }, {
		{ MAIL, OK }, { RCPT("a@x"), OK }, { DATA, GO OK },
	}, "", -1, STAGE_DATA, 0 },
	{ "an extra reply to MAIL", "", { { "a@x", NULL } }, {
		{ MAIL, OK OK },
	}, "", -1, STAGE_RCPT, 0 },
	{ "a reply to the chunk for each recipient, as in LMTP", CHUNK,
		{ { "a@x b@x", NULL }, { "c@x d@x", NULL } }, {
		{ MAIL RCPT("a@x") RCPT("b@x") BDAT
		    MAIL RCPT("c@x") RCPT("d@x"),
		    OK OK OK OK OK OK "550 5.1.1 no\r\n" OK },
	}, "a@x delivered 250 2.0.0\nb@x delivered 250 2.0.0\n", -1,
		STAGE_RCPT, 0 },
	{ "an extra reply to EHLO", PIPE "x\r\n250 more", { { "a@x", NULL } },
		{ { "", NULL } }, "", -1, STAGE_MAIL, 0 },
	{ "421 while nobody asks", PIPE "x\r\n421 4.4.2 idle",
		{ { "a@x", NULL } }, { { "", HANG_UP } }, "", -1,
		STAGE_MAIL, 0 },
};

struct session {
	struct smtp_message messages[MESSAGES_MAX];
	struct smtp_rcpt rcpts[MESSAGES_MAX][RCPTS_MAX];
	struct buf paths[MESSAGES_MAX];
	size_t	n;
	struct buf verdicts;
};

static void
note(void *arg, struct smtp_message *m, struct smtp_rcpt *rcpt,
    const struct outcome *o)
{
	struct session *s = arg;

	ck_assert_uint_eq(rcpt->done, o->kind);
	ck_assert_ptr_eq(m, &s->messages[m->id]);
	ck_assert(outcome_valid(o));
	ck_assert(o->text[0] != '\0');
	ck_assert_uint_eq(o->relayed_no_dsn, o->kind == OUTCOME_DELIVERED);
	ck_assert(!o->whole_site);
	buf_printf(&s->verdicts, "%s %s %d %s%s\n", rcpt->path,
	    outcome_name(o->kind), o->code, o->status,
	    o->in_doubt ? "?" : "");
}

static int
text_file(const char *text, size_t n)
{
	int fd = memfd_create("message", 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "Q", 1), 1);
	ck_assert_int_eq(write(fd, text, n), (ssize_t)n);
	return fd;
}

static void
session_init(struct session *s, const struct dialogue *d)
{
	const char *text;
	char *path, *save;
	size_t i;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < MESSAGES_MAX && d->messages[i].rcpts != NULL; i++) {
		struct smtp_message *m = &s->messages[i];

		text = d->messages[i].text;
		text = text != NULL ? text : TEXT;
		*m = (struct smtp_message){ .reverse_path = "s@y",
			.fd = text_file(text, strlen(text)), .at = 1,
			.size = strlen(text), .rcpts = s->rcpts[i],
			.id = (uint32_t)i };
		if (*text == '.' || strstr(text, "\n.") != NULL)
			m->body |= BODY_DOTS;
		buf_adds(&s->paths[i], d->messages[i].rcpts);
		buf_str(&s->paths[i]);
		for (path = strtok_r(s->paths[i].data, " ", &save);
		     path != NULL; path = strtok_r(NULL, " ", &save))
			s->rcpts[i][m->nrcpt++].path = path;
	}
	s->n = i;
}

static void
session_release(struct session *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		close(s->messages[i].fd);
		buf_release(&s->paths[i]);
	}
	buf_release(&s->verdicts);
}

/* Greeting and EHLO's reply, then the row's turns. */
static void
script_write(const struct dialogue *d, struct buf *hello, struct turn *turns)
{
	const char *line = d->offers, *end;

	buf_adds(hello, "250-mx\r\n");
	for (; (end = strchr(line, '\n')) != NULL && end[-1] != '\r';
	     line = end + 1)
		buf_printf(hello, "250-%.*s\r\n", (int)(end - line), line);
	buf_printf(hello, "250 %s\r\n", *line != '\0' ? line : "HELP");
	turns[0] = (struct turn){ "", "220 mx\r\n" };
	turns[1] = (struct turn){ "EHLO c.example\r\n", buf_str(hello) };
	memcpy(turns + 2, d->turns, sizeof(d->turns));
}

/* resume: somebody else has heard the greeting and said EHLO. */
static void
begin(struct smtp_client *c, const struct dialogue *d, struct buf *hello,
    bool resume)
{
	enum outcome_stage stage = STAGE_NONE;
	struct err err = { 0 };
	const char *p;

	if (!resume) {
		ck_assert_msg(smtp_hello(c, &stage, &err) == 0, "%s: %s",
		    d->name, err.text);
		return;
	}
	/* the lines of the reply, as struct reply has its text */
	buf_clear(hello);
	buf_adds(hello, "mx");
	for (p = d->offers; *p != '\0'; p += *p == '\n') {
		buf_addc(hello, '\n');
		buf_add(hello, p, strcspn(p, "\n"));
		p += strcspn(p, "\n");
	}
	smtp_resume(c, buf_str(hello));
}

static void
play(const struct dialogue *d, bool by_octet, bool resume)
{
	struct turn turns[PEER_TURNS + 2];
	struct peer peer = { .turns = resume ? turns + 2 : turns,
		.nturns = resume ? PEER_TURNS : PEER_TURNS + 2,
		.by_octet = by_octet };
	enum outcome_stage stage = STAGE_NONE;
	struct err err = { 0 };
	struct buf hello = { 0 };
	struct smtp_client *c;
	struct session s;
	struct conn conn;
	int fd, rc;

	session_init(&s, d);
	script_write(d, &hello, turns);
	fd = peer_start(&peer);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	conn_init(&conn, fd);
	c = smtp_new(&conn, "c.example", &patience,
	    d->rcpt_max != 0 ? d->rcpt_max : 100, note, &s);
	begin(c, d, &hello, resume);
	rc = smtp_send(c, s.messages, s.n, &stage, &err);
	smtp_free(c);
	conn_close(&conn);
	peer_join(&peer);
	ck_assert_msg(peer.wrong.len == 0, "%s: %s", d->name,
	    buf_str(&peer.wrong));
	ck_assert_msg(rc == d->rc, "%s: rc %d (%s)", d->name, rc, err.text);
	ck_assert_msg(strcmp(buf_str(&s.verdicts), d->verdicts) == 0,
	    "%s: verdicts:\n%s\nnot:\n%s", d->name, buf_str(&s.verdicts),
	    d->verdicts);
	if (rc < 0) {
		ck_assert_msg(stage == d->stage, "%s: stage %s", d->name,
		    outcome_stage_name(stage));
		ck_assert_int_eq(err.kind, ERR_TEMP);
	}
	buf_release(&peer.wrong);
	buf_release(&hello);
	session_release(&s);
}

START_TEST(session_in_order)
{
	play(&sessions[_i], false, false);
	play(&sessions[_i], true, false);
}
END_TEST

/* A connection that comes with greeting and EHLO done is as any other. */
START_TEST(session_resumed)
{
	play(&sessions[_i], false, true);
}
END_TEST

/* And what its server got wrong is not believed there, either. */
START_TEST(resumed_careful)
{
	struct smtp_client *c;
	struct conn conn;

	conn_init(&conn, -1);
	c = smtp_new(&conn, "c.example", &patience, 1, note, NULL);
	smtp_resume(c, "mx\nSTARTTLS\nCHUNKING\nPIPELINING");
	ck_assert(smtp_offers(c)->extended && smtp_offers(c)->chunking);
	smtp_be_careful(c);
	smtp_resume(c, "mx\nSMTPUTF8\nCHUNKING\nPIPELINING");
	ck_assert(smtp_offers(c)->extended && smtp_offers(c)->utf8);
	ck_assert(!smtp_offers(c)->chunking && !smtp_offers(c)->pipelining);
	ck_assert(!smtp_offers(c)->starttls);
	smtp_free(c);
	conn_close(&conn);
}
END_TEST

START_TEST(session_refusals)
{
	play(&refusals[_i], false, false);
	play(&refusals[_i], true, false);
}
END_TEST

START_TEST(session_faults)
{
	play(&faults[_i], false, false);
	play(&faults[_i], true, false);
}
END_TEST

START_TEST(session_early)
{
	play(&early[_i], false, false);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client");
	TCase *tc = tcase_create("client");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, session_in_order, 0, CHECK_ROWS(sessions));
	tcase_add_loop_test(tc, session_resumed, 0, CHECK_ROWS(sessions));
	tcase_add_test(tc, resumed_careful);
	tcase_add_loop_test(tc, session_refusals, 0, CHECK_ROWS(refusals));
	tcase_add_loop_test(tc, session_faults, 0, CHECK_ROWS(faults));
	tcase_add_loop_test(tc, session_early, 0, CHECK_ROWS(early));
	suite_add_tcase(suite, tc);
	return check_run(suite);
}
