// SPDX-License-Identifier: MIT
#include "console/credentials.hpp"

#include "platform/files.hpp"
#include "platform/pem.hpp"
#include "platform/text.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace podstudio {

namespace {

using certificate_ptr = openssl_ptr<X509, &X509_free>;
using extension_ptr = openssl_ptr<X509_EXTENSION, &X509_EXTENSION_free>;

struct pem_pair {
  std::string certificate;
  std::string key;
};

bool add_extension(X509* certificate, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  extension_ptr extension{X509V3_EXT_conf_nid(nullptr, &context, kind, value)};
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

certificate_ptr make_certificate(EVP_PKEY* key) {
  certificate_ptr certificate{X509_new()};
  std::uint64_t serial = 0;
  if (!certificate || RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1)
    return nullptr;
  auto x = certificate.get();
  auto name = X509_get_subject_name(x);
  static constexpr unsigned char common_name[] = "podstudio console";
  bool done = X509_set_version(x, X509_VERSION_3) == 1
              && ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) == 1
              && ASN1_TIME_set_string_X509(X509_getm_notBefore(x), "19700101000000Z") == 1
              && ASN1_TIME_set_string_X509(X509_getm_notAfter(x), "99991231235959Z") == 1
              && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1
              && X509_set_issuer_name(x, name) == 1
              && X509_set_pubkey(x, key) == 1
              // It vouches for itself and for no other certificate.
              && add_extension(x, NID_basic_constraints, "critical,CA:FALSE")
              && add_extension(x, NID_key_usage, "critical,digitalSignature")
              && add_extension(x, NID_ext_key_usage, "serverAuth,clientAuth")
              && X509_sign(x, key, EVP_sha256()) != 0;
  return done ? std::move(certificate) : nullptr;
}

result<pem_pair> make_pair() {
  key_ptr key{EVP_EC_gen("P-256")};
  auto certificate = key ? make_certificate(key.get()) : nullptr;
  bio_ptr certificate_text{BIO_new(BIO_s_mem())}, key_text{BIO_new(BIO_s_mem())};
  if (!certificate || !certificate_text || !key_text
      || PEM_write_bio_X509(certificate_text.get(), certificate.get()) != 1
      || PEM_write_bio_PKCS8PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                       nullptr)
             != 1)
    return error{error_code::internal,
                 "OpenSSL cannot make the console's key; check its configuration"};
  return pem_pair{contents(certificate_text.get()), contents(key_text.get())};
}

credentials files_in(const std::string& folder) {
  return {folder + "/console.crt", folder + "/console.key"};
}

/// Makes DATA/tls unless another process is quicker.
result<void> make_folder(const data_folder& folder) {
  auto pair = make_pair();
  if (!pair) return pair.failure();
  auto temporary = folder.tls() + ".XXXXXX";
  if (::mkdtemp(temporary.data()) == nullptr)  // mode 0700
    return system_error()("cannot create " + in_quotes(folder.tls()));
  auto files = files_in(temporary);
  auto written = write_file_atomically(files.certificate_file, pair->certificate);
  if (written) written = write_file_atomically(files.key_file, pair->key);
  // A rename over a folder that is there fails unless that folder is empty.
  if (written && ::rename(temporary.c_str(), folder.tls().c_str()) == 0) {
    unique_fd root{::open(folder.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!root || ::fsync(root.get()) != 0)
      return system_error()("cannot sync " + in_quotes(folder.root));
    return {};
  }
  auto cause = errno;
  std::error_code ignored;
  std::filesystem::remove_all(temporary, ignored);
  if (!written) return written;
  if (cause == EEXIST || cause == ENOTEMPTY) return {};
  return system_error(cause)("cannot create " + in_quotes(folder.tls()));
}

error unusable(const data_folder& folder, error_code code, const std::string& why) {
  return {code, why + "; stop the service and remove " + in_quotes(folder.tls())
                    + ": the next start makes a new key"};
}

/// Checks that `path`, the folder or a file in it, is there and is nobody else's business.
result<void> check_private(const data_folder& folder, const std::string& path) {
  const auto name = in_quotes(path);
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0)
    return errno == ENOENT ? unusable(folder, error_code::damaged, name + " is missing")
                           : system_error()("cannot read " + name);
  if (S_ISLNK(facts.st_mode))
    return unusable(folder, error_code::refused, name + " is a link, which is not followed");
  if (facts.st_uid != ::geteuid())
    return error{error_code::refused, name + " belongs to another user; run as its owner"};
  if ((facts.st_mode & 077) != 0)
    return unusable(folder, error_code::refused,
                    name + " is open to other users, so the console's key is not a secret");
  return {};
}

/// Checks that both can be used, and together: a service with others would answer, and refuse all.
result<void> check_pair(const data_folder& folder, const credentials& files) {
  auto certificate_text = read_small_file(files.certificate_file, pem_bytes_max);
  if (!certificate_text) return certificate_text.failure();
  auto key_text = read_small_file(files.key_file, pem_bytes_max);
  if (!key_text) return key_text.failure();
  auto certificate_bytes = memory_of(*certificate_text);
  certificate_ptr certificate{
      PEM_read_bio_X509(certificate_bytes.get(), nullptr, no_password, nullptr)};
  auto key = read_private_key(*key_text);
  bool are_one = certificate && key && X509_check_private_key(certificate.get(), key.get()) == 1
                 && X509_verify(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  auto damaged = [&](const std::string& why) { return unusable(folder, error_code::damaged, why); };
  if (!certificate)
    return damaged(in_quotes(files.certificate_file) + " is empty, cut or not a certificate");
  if (!key) return damaged(in_quotes(files.key_file) + " is empty, cut or not a private key");
  if (!are_one)
    return damaged(in_quotes(files.certificate_file) + " is not the certificate of "
                   + in_quotes(files.key_file));
  return {};
}

}  // namespace

result<credentials> ensure_credentials(const data_folder& folder) {
  struct stat facts {};
  if (::lstat(folder.tls().c_str(), &facts) != 0) {
    if (errno != ENOENT) return system_error()("cannot read " + in_quotes(folder.tls()));
    if (auto made = make_folder(folder); !made) return made.failure();
  }
  auto files = files_in(folder.tls());
  // The folder first: where others may write to it, nothing in it can be trusted.
  for (const auto& path : {folder.tls(), files.certificate_file, files.key_file})
    if (auto checked = check_private(folder, path); !checked) return checked.failure();
  if (auto usable = check_pair(folder, files); !usable) return usable.failure();
  return files;
}

}  // namespace podstudio
