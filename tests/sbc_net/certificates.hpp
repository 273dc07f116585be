// Certificates made for a test, with keys on an elliptic curve, as these are quick to make.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace postern::net::test {

template <auto Free>
struct FreeBy {
  template <class T>
  void operator()(T* thing) const {
    Free(thing);
  }
};
using Key = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, FreeBy<X509_free>>;
using Bio = std::unique_ptr<BIO, FreeBy<BIO_vfree>>;

inline std::string text_of(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

/// A certificate for `name`, signed by `issuer`, or by itself. `also`: what else it is for, such as "IP:192.0.2.1" (RFC 5280 §4.2.1.6).
class Identity {
 public:
  explicit Identity(const std::string& name, std::chrono::seconds ends_in = std::chrono::hours(24 * 90), const Identity* issuer = nullptr,
                    const char* also = nullptr)
      : key_(EVP_EC_gen("P-256")), certificate_(X509_new()) {
    X509* own = certificate_.get();
    X509_set_version(own, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(own), 1);
    X509_gmtime_adj(X509_getm_notBefore(own), -3600);
    X509_gmtime_adj(X509_getm_notAfter(own), static_cast<long>(ends_in.count()));
    X509_set_pubkey(own, key_.get());
    X509_NAME* subject = X509_get_subject_name(own);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(own, issuer == nullptr ? subject : X509_get_subject_name(issuer->certificate_.get()));
    // So that one that signs itself may sign others.
    extend(NID_basic_constraints, issuer == nullptr ? "CA:TRUE" : "CA:FALSE");
    if (also != nullptr) extend(NID_subject_alt_name, also);
    X509_sign(own, issuer == nullptr ? key_.get() : issuer->key_.get(), EVP_sha256());
  }

  [[nodiscard]] std::string certificate() const {
    const Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate_.get());
    return text_of(bio);
  }
  /// With a password if one is given.
  [[nodiscard]] std::string key(const char* password = nullptr) const {
    const Bio bio(BIO_new(BIO_s_mem()));
    const EVP_CIPHER* cipher = password == nullptr ? nullptr : EVP_aes_128_cbc();
    PEM_write_bio_PrivateKey(bio.get(), key_.get(), cipher, nullptr, 0, nullptr, const_cast<char*>(password));
    return text_of(bio);
  }
  [[nodiscard]] X509* native() const { return certificate_.get(); }
  [[nodiscard]] EVP_PKEY* native_key() const { return key_.get(); }

 private:
  void extend(int kind, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value);
    X509_add_ext(certificate_.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }

  Key key_;
  Certificate certificate_;
};

/// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "postern-tls-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  /// Writes a file and returns its path.
  [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

}  // namespace postern::net::test
