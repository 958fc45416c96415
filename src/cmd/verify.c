#include "config.h"

#include "cmd/verify.h"

#include "cmd/exitcode.h"
#include "cmd/explain.h"
#include "cmd/intake.h"
#include "cmd/output.h"
#include "cmd/plan.h"
#include "cmd/result.h"

static void
describe(const struct plan_target *target, struct buf *out)
{
	const struct mx_answer *answer = &target->answer;
	char text[64];

	for (size_t h = 0; h < answer->nhost; h++) {
		const struct mx_host *host = &answer->host[h];

		buf_printf(out, "%s %s", h > 0 ? "," : "", host->name);
		if (target->way.kind == WAY_DIRECT && !answer->implicit)
			buf_printf(out, " (%u)", (unsigned)host->pref);
		for (size_t a = 0; a < host->naddr; a++)
			buf_printf(out, " [%s]",
			    mx_addr_text(&host->addr[a], text));
	}
}

static void
print_one(const struct plan_row *row)
{
	struct err why;
	const struct err *err = &why;
	struct buf line = { 0 };

	way_why(&row->way, &why);
	if (row->target != NULL)
		err = &row->target->answer.err;
	buf_printf(&line, "%s: ", row->address);
	if (err->kind != ERR_NONE)
		buf_printf(&line, "%s: %s %s", err->kind == ERR_PERM ?
		    "not deliverable" : "not deliverable now", err->status,
		    err->text);
	else if (row->way.kind == WAY_DISCARD)
		buf_adds(&line, "discarded");
	else {
		buf_printf(&line, "deliverable %s",
		    row->way.kind == WAY_DIRECT ? "to" : "through");
		describe(row->target, &line);
	}
	buf_addc(&line, '\n');
	output_write(&line);
	buf_release(&line);
}

int
verify_run(const struct options *options, const struct settings *settings,
    const struct delivery *how)
{
	struct intake intake;
	struct plan plan = { 0 };
	struct err err;
	int code = 0;

	if (intake_init(&intake, options, settings, NULL, &err) < 0) {
		result_complain(options->name, "%s", err.text);
		code = exitcode_of_err(&err);
		goto out;
	}
	plan_make(&plan, how, options->account, intake.sender,
	    &intake.recipients);
	for (size_t i = 0; i < plan.n; i++) {
		int one = plan_exit_code(&plan.rows[i]);

		if (options->mode == MODE_EXPLAIN)
			explain_one(options, settings, how, intake.sender,
			    &plan.rows[i]);
		else
			print_one(&plan.rows[i]);
		code = one != 0 ? exitcode_join(code, one) : code;
	}
	for (size_t i = 0; i < intake.bad.n; i++) {
		result_complain(options->name, "%s", intake.bad.v[i]);
		code = exitcode_join(code, exitcode_of_status("5.1.3"));
	}
out:
	plan_release(&plan);
	intake_release(&intake);
	return code;
}
