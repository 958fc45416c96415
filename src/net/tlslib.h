/*
 * GnuTLS, loaded when the first connection takes up TLS: a run that queues,
 * lists or sends in clear does not pay for it.
 */
#ifndef NET_TLSLIB_H
#define NET_TLSLIB_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/err.h"

/* gnutls_ciphersuite_get() came with 3.7.4. */
#if GNUTLS_VERSION_NUMBER >= 0x030704
#define TLSLIB_SUITE(X) X(ciphersuite_get)
#else
#define TLSLIB_SUITE(X) X(cipher_get) X(cipher_get_name)
#endif

/* Of X.509, for certificate.c. */
#define TLSLIB_X509(X) \
	X(x509_crt_check_hostname2) X(x509_crt_check_issuer) \
	X(x509_crt_deinit) X(x509_crt_get_activation_time) \
	X(x509_crt_get_dn_by_oid) X(x509_crt_get_expiration_time) \
	X(x509_crt_get_issuer_dn_by_oid) X(x509_crt_get_key_id) \
	X(x509_crt_get_subject_alt_name) X(x509_crt_import) \
	X(x509_crt_init) X(x509_trust_list_add_system_trust) \
	X(x509_trust_list_add_trust_file) X(x509_trust_list_deinit) \
	X(x509_trust_list_init) X(x509_trust_list_verify_crt)

/* The functions that we call, without their "gnutls_". */
#define TLSLIB_CALLS(X) \
	X(alert_get) X(alert_get_name) X(alert_send) X(bye) \
	X(certificate_allocate_credentials) \
	X(certificate_free_credentials) X(check_version) \
	X(credentials_set) X(deinit) X(error_is_fatal) X(global_init) \
	X(group_get) X(group_get_name) X(handshake) \
	X(handshake_set_timeout) X(init) X(priority_set_direct) \
	X(protocol_get_name) X(protocol_get_version) \
	X(record_get_direction) X(record_recv) X(record_send) \
	X(server_name_set) X(strerror) X(transport_set_int2) TLSLIB_SUITE(X) \
	TLSLIB_X509(X)

struct tlslib {
#define TLSLIB_MEMBER(name) __typeof__(gnutls_##name) *name;
	TLSLIB_CALLS(TLSLIB_MEMBER)
#undef TLSLIB_MEMBER
};

/*
 * The library, initialised. Processes forked later share it. Returns NULL with
 * *err (ERR_TEMP 4.7.5) when it cannot be loaded.
 */
const struct tlslib *tlslib_get(struct err *);

#endif
