#include "config.h"

#include "import/postfix.h"

#include <string.h>

#include "base/str.h"

static const char receives[] = "Postrider does not receive mail";
static const char delivers[] = "there are no mailboxes and no aliases";
const char postfix_delivers[] = "!mail to users of this machine went into "
    "their mailboxes; Postrider has none, and no aliases yet: it sends mail to "
    "root to root at origin";
static const char inside[] = "this is about Postfix itself";
static const char sessions[] = "needs no setting";
static const char patterns[] = "!messages are not changed by patterns";

/* All of Postfix's parameters, and why one that is left over was. */
const struct reason postfix_reasons[] = {
	{ "relayhost", NULL }, { "myhostname", NULL }, { "mydomain", NULL },
	{ "myorigin", NULL }, { "masquerade_exceptions", "!users are not "
	    "exempt from masquerade" },
	{ "masquerade_classes", "addresses of senders are masqueraded, in "
	    "the envelope and in the header" },
	{ "masquerade_*", NULL },
	{ "sender_canonical_classes", "addresses of senders are rewritten, in "
	    "the envelope and in the header" },
	{ "recipient_canonical_maps", "!recipients are not rewritten" },
	{ "recipient_canonical_*", NULL }, { "canonical_*", NULL },
	{ "sender_bcc_maps", "!copies are not made" },
	{ "sender_*", NULL },
	{ "recipient_bcc_maps", "!copies are not made" },
	{ "always_bcc", "!copies are not made" },
	{ "header_checks", patterns }, { "mime_header_checks", patterns },
	{ "nested_header_checks", patterns }, { "body_checks", patterns },
	{ "smtp_header_checks", patterns }, { "smtp_body_checks", patterns },
	{ "smtp_mime_header_checks", patterns },
	{ "smtp_nested_header_checks", patterns },
	{ "non_smtpd_milters", "!there are no milters; a signature (DKIM) "
	    "that one makes will be missing" },
	{ "content_filter", "!there are no filters" },
	{ "milter_*", "there are no milters" },
	{ "smtpd_*", receives }, { "postscreen_*", receives },
	{ "mynetworks*", receives }, { "inet_interfaces", receives },
	{ "relay_*", receives }, { "permit_mx_backup_networks", receives },
	{ "proxy_interfaces", receives }, { "authorized_*", receives },
	{ "strict_*", receives }, { "disable_vrfy_command", receives },
	{ "address_verify_*", receives }, { "unverified_*", receives },
	{ "unknown_*", receives }, { "tlsproxy_*", receives },
	{ "qmqpd_*", receives }, { "reject_*", receives },
	{ "mydestination", postfix_delivers }, { "alias_*", delivers },
	{ "local_*", delivers }, { "mailbox_*", delivers },
	{ "home_mailbox", delivers }, { "mail_spool_directory", delivers },
	{ "virtual_*", delivers }, { "luser_relay", delivers },
	{ "recipient_delimiter", delivers }, { "forward_*", delivers },
	{ "allow_mail_to_*", delivers }, { "biff", delivers },
	{ "owner_request_special", delivers }, { "lmtp_*", delivers },
	{ "propagate_unmatched_extensions", delivers },
	{ "expand_owner_alias", delivers }, { "fallback_*", delivers },
	{ "append_at_myorigin", "origin is always appended" },
	{ "append_dot_mydomain", "domains are not made longer" },
	{ "smtp_tls_session_cache_*", sessions },
	{ "smtp_tls_loglevel", "-v shows the dialogue" },
	{ "smtp_tls_CApath", "for a smarthost the system's certificates count, "
	    "or ca-file" },
	{ "smtp_tls_note_starttls_offer", sessions },
	{ "smtp_sasl_security_options", "auth says which mechanisms" },
	{ "smtp_sasl_tls_security_options", "auth says which mechanisms" },
	{ "smtp_sasl_type", sessions }, { "smtp_sasl_path", sessions },
	{ "smtp_sasl_mechanism_filter", "nobody logs in" },
	{ "smtp_tls_policy_maps", "!tls is the same for all mail exchangers" },
	{ "smtp_tls_per_site", "!tls is the same for all mail exchangers" },
	{ "inet_protocols", "IPv6 and IPv4 are used as the machine has "
	    "them" },
	{ "smtp_tls_*", NULL }, { "smtp_sasl_*", NULL },
	{ "smtp_*", NULL }, { "tls_*", "the system's settings of GnuTLS "
	    "count" },
	{ "message_size_limit", NULL }, { "default_*", NULL },
	{ "maximal_*", NULL }, { "minimal_*", NULL }, { "bounce_*", NULL },
	{ "delay_*", "senders are not told of delays" },
	{ "notify_classes", "the log has it" },
	{ "2bounce_notice_recipient", "double-bounce takes an address" },
	{ "error_notice_recipient", NULL }, { "soft_bounce", NULL },
	{ "transport_*", NULL }, { "queue_*", inside },
	{ "qmgr_*", inside }, { "initial_destination_concurrency", inside },
	{ "syslog_*", inside }, { "maillog_*", inside },
	{ "mail_owner", inside }, { "mail_name", inside },
	{ "mail_version", inside }, { "setgid_group", inside },
	{ "compatibility_level", inside }, { "sendmail_path", inside },
	{ "newaliases_path", inside }, { "mailq_path", inside },
	{ "debug*", inside }, { "smtputf8_*", sessions },
	{ "import_environment", inside }, { "export_environment", inside },
	{ "master_service_disable", inside }, { "process_*", inside },
	{ "daemon_*", inside }, { "multi_*", inside }, { "ipc_*", inside },
	{ "in_flow_delay", inside }, { "hash_queue_*", inside },
	{ "enable_*", NULL }, { "disable_*", NULL }, { "swap_bangpath",
	    inside }, { "parent_domain_matches_subdomains", inside },
	{ "non_fqdn_reject_code", receives }, { "lock_*", inside },
	{ "header_*", inside }, { "mime_*", inside }, { "body_*", inside },
	{ "always_add_missing_headers", "a missing From, Date or Message-ID "
	    "is always added" },
	{ "dont_remove", inside }, { "max_*", inside },
	{ "rbl_reply_maps", receives }, { "undisclosed_recipients_header",
	    inside }, { "stale_lock_time", inside },
	{ "dns_ncache_ttl_fix_enable", inside },
	{ NULL, NULL },
};

/* Names that no prefix tells: "html_directory". */
bool
postfix_is_inside(const char *name)
{
	static const char *const ends[] = { "_directory", "_service_name",
		"_time_limit", "_destination_recipient_limit",
		"_destination_concurrency_limit" };
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t m = strlen(ends[i]);

		if (n > m && strcmp(name + n - m, ends[i]) == 0)
			return true;
	}
	return false;
}

bool
postfix_knows(char *line)
{
	char *equals = strchr(line, '=');

	if (equals == NULL)
		return false;
	*equals = '\0';
	line = str_trim(line);
	return postfix_is_inside(line) ||
	    reason_find(postfix_reasons, line) != NULL;
}
