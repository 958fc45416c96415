#include "config.h"

#include "deliver/report.h"

#include <stddef.h>
#include <string.h>

#include "base/fileio.h"
#include "deliver/account.h"

int
report_send(int fd, uint32_t slot, const struct outcome *outcome)
{
	struct report report;

	/* nor does padding leave the worker */
	memset(&report, 0, sizeof(report));
	report.magic = REPORT_MAGIC;
	report.slot = slot;
	report.outcome = *outcome;
	return write_all(fd, &report, sizeof(report));
}

bool
report_is_refusal(const struct report *report)
{
	return report->slot >= REPORT_REFUSED &&
	    report->slot - REPORT_REFUSED < ENDPOINTS_MAX;
}

bool
report_valid(const struct report *report, size_t nslot)
{
	return report->magic == REPORT_MAGIC &&
	    (report->slot < nslot || report_is_refusal(report)) &&
	    report->outcome.kind != OUTCOME_NONE &&
	    outcome_valid(&report->outcome);
}
