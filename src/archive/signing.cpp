// SPDX-License-Identifier: MIT
#include "archive/signing.hpp"

#include "platform/files.hpp"
#include "platform/sha256.hpp"
#include "platform/text.hpp"
#include "platform/types.hpp"
#include "platform/unique_fd.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <optional>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>

namespace podstudio::archive {

namespace {

using context_ptr = openssl_ptr<EVP_MD_CTX, &EVP_MD_CTX_free>;

constexpr const char* algorithm = "ED25519";
constexpr const char* no_key = "does not hold a private Ed25519 key";

/// The private key's text, wiped when it is no longer needed.
struct secret_text {
  std::string text;
  explicit secret_text(std::string from) : text(std::move(from)) {}
  secret_text(const secret_text&) = delete;
  secret_text& operator=(const secret_text&) = delete;
  ~secret_text() { OPENSSL_cleanse(text.data(), text.size()); }
};

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::optional<public_key> public_part(EVP_PKEY* key) {
  if (key == nullptr || EVP_PKEY_is_a(key, algorithm) != 1) return std::nullopt;
  public_key open{};
  auto size = open.size();
  if (EVP_PKEY_get_raw_public_key(key, open.data(), &size) != 1 || size != open.size())
    return std::nullopt;
  return open;
}

key_ptr to_key(const public_key& open) {
  return key_ptr{
      EVP_PKEY_new_raw_public_key_ex(nullptr, algorithm, nullptr, open.data(), open.size())};
}

error unusable(const std::string& path, error_code code, const std::string& why) {
  return {code, in_quotes(path) + " " + why
                    + ", so it cannot be the key that packs are signed with; put the right file in "
                      "its place, or move it away to have a new key made"};
}

/// Who else may read or change a key's file. In a backup that depends on its disk: FAT and NTFS
/// have one mode for all files.
enum class other_users : bool { refused, ignored };

result<std::string> read_key_file(const std::string& path, other_users others) {
  unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file && errno == ELOOP) return unusable(path, error_code::refused, "is a link");
  if (!file) return system_error()("cannot open " + in_quotes(path));
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return system_error()("cannot read " + in_quotes(path));
  if (!S_ISREG(facts.st_mode)) return unusable(path, error_code::refused, "is not a regular file");
  if (facts.st_uid != ::geteuid())
    return error{error_code::refused,
                 in_quotes(path) + " belongs to another user; run as its owner"};
  if (others == other_users::refused && (facts.st_mode & 077) != 0)
    return error{
        error_code::refused,
        in_quotes(path)
            + " can be read or changed by other users; if nobody did, run 'chmod 600' on it"};
  auto size = static_cast<std::uint64_t>(facts.st_size);
  if (size > pem_bytes_max) return unusable(path, error_code::damaged, "is too large for a key");
  std::string text(size, '\0');
  auto got = read_at(file.get(), text.data(), text.size(), 0);
  if (!got) return system_error()("cannot read " + in_quotes(path));
  text.resize(*got);
  return text;
}

result<std::string> make_key_text() {
  key_ptr key{EVP_PKEY_Q_keygen(nullptr, nullptr, algorithm)};
  // Secure memory, where there is any: it is wiped when it is freed.
  bio_ptr text{BIO_new(BIO_s_secmem())};
  if (!key || !text
      || PEM_write_bio_PKCS8PrivateKey(text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr)
             != 1)
    return error{error_code::internal,
                 "OpenSSL cannot make an Ed25519 key; check its configuration"};
  return contents(text.get());
}

result<void> sync_folder(const std::string& path) {
  auto folder = path.find('/') == std::string::npos ? "." : folder_of(path);
  unique_fd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || ::fsync(opened.get()) != 0)
    return system_error()("cannot sync " + in_quotes(folder));
  return {};
}

/// Gives a new file its name once it is whole. Unlike a rename, a link never replaces a file: where
/// another process was quicker, its key stays.
result<void> make_key_file(const std::string& path) {
  auto made = make_key_text();
  if (!made) return made.failure();
  secret_text secret(*std::move(made));
  auto temporary = path + ".XXXXXX";
  unique_fd file(::mkostemp(temporary.data(), O_CLOEXEC));  // created with mode 0600
  if (!file) return system_error()("cannot write " + in_quotes(path));
  bool done = write_all(file.get(), secret.text) && ::fsync(file.get()) == 0
              && (::link(temporary.c_str(), path.c_str()) == 0 || errno == EEXIST);
  auto cause = errno;
  ::unlink(temporary.c_str());
  if (!done) return system_error(cause)("cannot write " + in_quotes(path));
  return sync_folder(path);
}

}  // namespace

std::string fingerprint(const public_key& key) {
  sha256 hasher;
  hasher.update(key.data(), key.size());
  return to_hex(hasher.finish());
}

std::string to_pem(const public_key& key) {
  auto made = to_key(key);
  bio_ptr text{BIO_new(BIO_s_mem())};
  if (!made || !text || PEM_write_bio_PUBKEY(text.get(), made.get()) != 1)
    throw std::runtime_error("OpenSSL cannot write a public key");
  return contents(text.get());
}

result<public_key> parse_public_key(std::string_view pem) {
  auto key = pem.size() <= pem_bytes_max ? read_public_key(pem) : nullptr;
  if (auto open = public_part(key.get())) return *open;
  return error{error_code::invalid_argument,
               "it is not a public Ed25519 key (PEM, beginning with BEGIN PUBLIC KEY)"};
}

bool is_signed_by(const public_key& key, std::string_view bytes, std::string_view signature) {
  if (signature.size() != signature_bytes) return false;
  auto known = to_key(key);
  context_ptr context{EVP_MD_CTX_new()};
  bool is_signed = known && context
                   && EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr,
                                              known.get(), nullptr)
                          == 1
                   && EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                                       bytes_of(bytes), bytes.size())
                          == 1;
  ERR_clear_error();
  return is_signed;
}

result<signing_key> signing_key::load(const std::string& path) {
  auto text = read_key_file(path, other_users::refused);
  if (!text) return text.failure();
  secret_text secret(*std::move(text));
  auto key = read_private_key(secret.text);
  auto open = public_part(key.get());
  if (!open) return unusable(path, error_code::damaged, no_key);
  return signing_key(std::move(key), *open);
}

result<signing_key> signing_key::ensure(const std::string& path) {
  auto loaded = load(path);
  if (loaded || loaded.failure().code != error_code::not_found) return loaded;
  if (auto made = make_key_file(path); !made) return made.failure();
  return load(path);
}

result<bool> copy_key_file(const std::string& from, const std::string& to) {
  auto text = read_key_file(from, other_users::ignored);
  if (!text && text.failure().code == error_code::not_found) return false;
  if (!text) return text.failure();
  secret_text secret(*std::move(text));
  auto key = public_part(read_private_key(secret.text).get());
  if (!key) return unusable(from, error_code::damaged, no_key);
  if (auto there = read_key_file(to, other_users::ignored); there) {
    secret_text old(*std::move(there));
    auto known = public_part(read_private_key(old.text).get());
    if (!known) return unusable(to, error_code::damaged, no_key);
    if (*known == *key) return true;
    return error{error_code::refused, in_quotes(to) + " holds another signing key than "
                                          + in_quotes(from)
                                          + "; keep it, and choose another folder"};
  } else if (there.failure().code != error_code::not_found) {
    return there.failure();
  }
  if (auto written = write_file_atomically(to, secret.text); !written) return written.failure();
  return true;
}

std::string signing_key::sign(std::string_view bytes) const {
  context_ptr context{EVP_MD_CTX_new()};
  std::string signature(signature_bytes, '\0');
  auto size = signature.size();
  if (!context
      || EVP_DigestSignInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, key_.get(),
                               nullptr)
             != 1
      || EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                        bytes_of(bytes), bytes.size())
             != 1
      || size != signature.size())
    throw std::runtime_error("OpenSSL cannot sign");
  return signature;
}

}  // namespace podstudio::archive
