#include "sbc/net/tls_client.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "acl/address.hpp"
#include "sbc/net/start_error.hpp"
#include "sbc/net/tls_stream.hpp"

namespace postern::net {

void TlsClient::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

std::shared_ptr<const TlsClient> TlsClient::load(const std::string& ca) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1)
    throw StartError("pbx: OpenSSL gives no TLS", "pbx.address");
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_clear_mode(context.get(), SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!ca.empty() && SSL_CTX_load_verify_file(context.get(), ca.c_str()) != 1) {
    ERR_clear_error();
    throw StartError(fmt::format("{} cannot be read as certificates in PEM: check the path, and that Postern may read it", ca), "pbx.ca");
  }
  SSL_CTX_set_verify(context.get(), ca.empty() ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  return std::shared_ptr<const TlsClient>(new TlsClient(std::move(context), !ca.empty()));
}

std::unique_ptr<ByteStream> TlsClient::connect(int fd, const std::string& name) const {
  ERR_clear_error();
  SSL* ssl = SSL_new(context_.get());
  if (ssl == nullptr) return nullptr;
  auto stream = std::make_unique<TlsStream>(ssl);
  const bool is_address = acl::Address::parse(name).has_value();
  if (SSL_set_fd(ssl, fd) != 1) return nullptr;
  if (!is_address && SSL_set_tlsext_host_name(ssl, name.c_str()) != 1) return nullptr;
  if (verifies_) {
    X509_VERIFY_PARAM* param = SSL_get0_param(ssl);
    const int set = is_address ? X509_VERIFY_PARAM_set1_ip_asc(param, name.c_str()) : X509_VERIFY_PARAM_set1_host(param, name.c_str(), 0);
    if (set != 1) return nullptr;
  }
  SSL_set_connect_state(ssl);
  return stream;
}

}  // namespace postern::net
