#include "base/err.h"
#include "rdb/tls_stream.h"

#include "rdb/posing_tls.h"

struct tls_stream *
posing_tls_new(int fd, const struct posing_tls_opts *opts, struct err *err)
{
	SSL_CTX *ctx = tls_context_new(TLS_server_method(), err);

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_verify(
	    ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	/* One connection: nothing to resume, and no bytes before its proof. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	if (tls_context_load_cert(ctx, opts->cert_file, opts->key_file, err) !=
	    0)
		goto fail;
	if (SSL_CTX_load_verify_locations(ctx, opts->ca_file, NULL) != 1) {
		err_set(err, ERR_USAGE, "CA file '%s': %s", opts->ca_file,
		    tls_reason());
		goto fail;
	}
	return tls_stream_new(fd, ctx, "the target", err);
fail:
	SSL_CTX_free(ctx);
	return NULL;
}
