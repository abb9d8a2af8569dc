#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <openssl/x509_vfy.h>

#include "base/redact.h"

#include "base/http_call.h"

/* ERR_SYSTEM for what is neither the peer's nor the network's doing. */
static enum err_kind
kind_of(CURLcode rc)
{
	switch (rc) {
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_SEND_FAIL_REWIND:
	case CURLE_RECV_ERROR:
	case CURLE_PROXY:
		return ERR_TRANSIENT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
		return ERR_AUTH;
	case CURLE_URL_MALFORMAT:
	case CURLE_SSL_CACERT_BADFILE:
		return ERR_USAGE;
	case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9: our schemes are right */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_FILESIZE_EXCEEDED:
	/* What 7.88 says of a header line over 100 KiB. */
	case CURLE_OUT_OF_MEMORY:
#if LIBCURL_VERSION_NUM >= 0x080600
	case CURLE_TOO_LARGE:
#endif
		return ERR_CORRUPT;
	default:
		return ERR_SYSTEM;
	}
}

/* libcurl's own words, made to follow a colon. */
static int
set_text(struct http_call *c, CURLcode rc, struct err *err)
{
	const char *says = c->curl_says;
	struct buf text;
	size_t len;

	if (rc == CURLE_OUT_OF_MEMORY)
		says = "header line too long, or out of memory";
	else if (says[0] == '\0')
		says = curl_easy_strerror(rc);
	buf_init(&text, 4 * CURL_ERROR_SIZE);
	redact(&text, says);
	len = strcspn(text.data, "\r\n");
	if (len > 1 && islower((unsigned char)text.data[1]))
		text.data[0] = (char)tolower((unsigned char)text.data[0]);
	err_set(err, kind_of(rc), "%.*s", (int)len, text.data);
	buf_release(&text);
	return -1;
}

/* curl's own words end at what is wrong with it. */
static void
advise(struct http_call *c, struct err *err)
{
	size_t len = strlen(err->text);
	long verified = 0;

	/* Until the chain was looked at it stays unspecified; a name that does
	 * not fit ends the handshake before that. */
	curl_easy_getinfo(c->easy, CURLINFO_SSL_VERIFYRESULT, &verified);
	if (verified > X509_V_ERR_UNSPECIFIED)
		snprintf(err->text + len, sizeof(err->text) - len,
		    "; if a CA of your own signed the certificate, give it by "
		    "--ca-file");
}

/* A proxy that refuses the tunnel for want of leave is not coming round. */
static void
blame_proxy(struct http_call *c, struct err *err)
{
	long status = 0;

	curl_easy_getinfo(c->easy, CURLINFO_HTTP_CONNECTCODE, &status);
	if (status == 401 || status == 403 || status == 407) {
		err->kind = ERR_AUTH;
		err_in(err, "the proxy answered %ld", status);
	}
}

int
http_call_verdict(struct http_call *c, CURLcode rc, struct err *err)
{
	if (c->refused.kind != ERR_NONE) {
		*err = c->refused;
		return http_call_blame(c->req, err);
	}
	if (rc != CURLE_OK) {
		set_text(c, rc, err);
		advise(c, err);
		blame_proxy(c, err);
		return http_call_blame(c->req, err);
	}
	c->resp.elapsed_ms = scope_mono_ms(c->scope) - c->begun_ms;
	return 0;
}
