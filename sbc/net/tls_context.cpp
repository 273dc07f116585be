#include "sbc/net/tls_context.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <fstream>
#include <utility>

#include "sbc/net/tls_stream.hpp"

namespace postern::net {
namespace {

using Now = std::chrono::system_clock::time_point;

/// What OpenSSL says of the last failure, in its words and without its codes.
std::string reason() {
  const unsigned long first = ERR_peek_error();
  const char* text = first == 0 ? nullptr : ERR_reason_error_string(first);
  std::string out = text == nullptr ? "OpenSSL does not say why" : text;
  ERR_clear_error();
  return out;
}

/// What a file holds that OpenSSL could not take, behind a colon: what it is often mistaken for, else OpenSSL's words.
std::string what_it_is(const std::string& path) {
  constexpr std::size_t enough = 4096;
  std::string begin(enough, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  begin.resize(static_cast<std::size_t>(file.gcount()));
  const std::string why = reason();
  constexpr std::string_view swapped = "are `certificate` and `private_key` swapped?";
  if (begin.find("PRIVATE KEY-----") != std::string::npos) return fmt::format(": it holds a private key: {}", swapped);
  if (begin.find("CERTIFICATE-----") != std::string::npos) return fmt::format(": it holds a certificate: {}", swapped);
  if (begin.starts_with("\x30\x82"))
    return ": it seems to be DER: `openssl x509 -inform der -in FILE -out NEW` makes PEM of a certificate, `openssl pkey` of a key";
  return ": " + why;
}

/// Nobody is asked for a password at the terminal.
int no_password(char* /*buffer*/, int /*size*/, int /*rwflag*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

class Loader {
 public:
  Loader(SSL_CTX* context, const sbc::TlsOptions& options, std::vector<TlsProblem>& problems)
      : context_(context), options_(options), problems_(problems) {}

  /// False: there is a fatal problem.
  bool load(Now now) {
    return readable("certificate", options_.certificate) && readable("private_key", options_.private_key) && certificate() &&
           private_key() && dates(now) && client_ca();
  }
  [[nodiscard]] Now not_after() const { return not_after_; }

 private:
  bool fail(const char* key, const std::string& message) {
    problems_.push_back({key, message, true});
    return false;
  }
  bool readable(const char* key, const std::string& path) {
    const std::ifstream file(path);
    return file.good() || fail(key, fmt::format("cannot open {}: {}", path, std::generic_category().message(errno)));
  }
  bool certificate() {
    if (SSL_CTX_use_certificate_chain_file(context_, options_.certificate.c_str()) == 1) return true;
    return fail("certificate", fmt::format("{} holds no certificate in PEM{}", options_.certificate, what_it_is(options_.certificate)));
  }
  bool private_key();
  bool dates(Now now);
  bool client_ca();

  SSL_CTX* context_;
  const sbc::TlsOptions& options_;
  std::vector<TlsProblem>& problems_;
  Now not_after_;
};

bool Loader::private_key() {
  const std::string& path = options_.private_key;
  bool asked = false;
  SSL_CTX_set_default_passwd_cb(context_, no_password);
  SSL_CTX_set_default_passwd_cb_userdata(context_, &asked);
  const bool loaded = SSL_CTX_use_PrivateKey_file(context_, path.c_str(), SSL_FILETYPE_PEM) == 1;
  SSL_CTX_set_default_passwd_cb_userdata(context_, nullptr);
  SSL_CTX_set_default_passwd_cb(context_, nullptr);
  if (asked) return fail("private_key", fmt::format("{} is protected by a password: `openssl pkey -in FILE -out NEW` takes it off", path));
  if (loaded && SSL_CTX_check_private_key(context_) == 1) return true;
  const unsigned long error = ERR_peek_error();
  const bool other = loaded || (ERR_GET_LIB(error) == ERR_LIB_X509 && ERR_GET_REASON(error) == X509_R_KEY_VALUES_MISMATCH) ||
                     (ERR_GET_LIB(error) == ERR_LIB_X509 && ERR_GET_REASON(error) == X509_R_KEY_TYPE_MISMATCH);
  if (!other) return fail("private_key", fmt::format("{} holds no private key in PEM{}", path, what_it_is(path)));
  ERR_clear_error();
  return fail("private_key", fmt::format("{} is not the key of the certificate {} (whose first entry must be the server's own)", path,
                                         options_.certificate));
}

bool Loader::dates(Now now) {
  const X509* own = SSL_CTX_get0_certificate(context_);
  std::time_t at = std::chrono::system_clock::to_time_t(now);
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(own), &end) != 1)
    return fail("certificate", fmt::format("{} has no date of its end", options_.certificate));
  not_after_ = std::chrono::system_clock::from_time_t(::timegm(&end));
  const std::string date = fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", end);
  const auto warn = [this](std::string message) { problems_.push_back({"certificate", std::move(message), false}); };
  if (X509_cmp_time(X509_get0_notBefore(own), &at) > 0)
    warn(fmt::format("{} is not valid yet: is this host's clock right?", options_.certificate));
  std::time_t later = std::chrono::system_clock::to_time_t(now + TlsContext::soon);
  if (X509_cmp_time(X509_get0_notAfter(own), &at) < 0) {
    warn(fmt::format("{} expired on {}: phones that check it will not connect; renew it and reload", options_.certificate, date));
  } else if (X509_cmp_time(X509_get0_notAfter(own), &later) < 0) {
    warn(fmt::format("{} expires on {}: renew it and reload", options_.certificate, date));
  }
  return true;
}

bool Loader::client_ca() {
  const std::string& path = options_.client_ca;
  if (path.empty()) return true;
  if (!readable("client_ca", path)) return false;
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(path.c_str());
  if (names == nullptr || SSL_CTX_load_verify_file(context_, path.c_str()) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return fail("client_ca", fmt::format("{} holds no certificate in PEM: {}", path, reason()));
  }
  SSL_CTX_set_client_CA_list(context_, names);  // takes it over
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return true;
}

bool set_up(SSL_CTX* context, const sbc::TlsOptions& options) {
  constexpr std::string_view session_context = "postern";
  const bool only_1_3 = options.min_version == sbc::TlsOptions::Version::tls_1_3;
  // The key of session tickets lives as long as this context. A session that is resumed was one with a certificate, where one is required.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  // Records that bring no octets (key updates, say) end a read as well: else one peer's could keep all others waiting.
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // An idle connection keeps no buffers; what is written again stands elsewhere by then.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return SSL_CTX_set_min_proto_version(context, only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(session_context.data()),
                                        static_cast<unsigned>(session_context.size())) == 1;
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

std::shared_ptr<const TlsContext> TlsContext::load(const sbc::TlsOptions& options, Now now, std::vector<TlsProblem>& problems) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr || !set_up(context.get(), options)) {
    problems.push_back({"certificate", "OpenSSL gives no TLS: " + reason(), true});
    return nullptr;
  }
  Loader loader(context.get(), options, problems);
  if (!loader.load(now)) return nullptr;
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(context), loader.not_after()));
}

bool TlsContext::is_for(const std::string& host) const {
  X509* own = SSL_CTX_get0_certificate(context_.get());
  return X509_check_host(own, host.c_str(), host.size(), 0, nullptr) == 1 || X509_check_ip_asc(own, host.c_str(), 0) == 1;
}

bool TlsContext::is_for_an_address() const {
  const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(SSL_CTX_get0_certificate(context_.get()), NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    if (sk_GENERAL_NAME_value(names.get(), i)->type == GEN_IPADD) return true;
  }
  return false;
}

std::unique_ptr<ByteStream> TlsContext::accept(int fd) const {
  ERR_clear_error();
  SSL* ssl = SSL_new(context_.get());
  if (ssl == nullptr) return nullptr;
  auto stream = std::make_unique<TlsStream>(ssl);
  if (SSL_set_fd(ssl, fd) != 1) return nullptr;
  SSL_set_accept_state(ssl);
  return stream;
}

}  // namespace postern::net
