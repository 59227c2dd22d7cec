#include "server/storage/lmdb_pages.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/status_macros.h"
#include "server/storage/kv_store.h"

// LMDB's data version 1, 64 bits, little-endian (mdb.c: MDB_page, MDB_node, MDB_meta, MDB_db):
//
//   page      pgno:8  pad:2  flags:2  lower:2 upper:2 | pages:4   then by kind, at byte 16
//   meta      magic:4  version:4  address:8  mapsize:8  db[2]:48  last_pgno:8  txnid:8
//             pages 0 and 1; the one with the larger txnid counts
//   db        pad:4  flags:2  depth:2  branch:8  leaf:8  overflow:8  entries:8  root:8
//             db[0]: free pages (its pad is the page size), db[1]: the unnamed database
//   branch    offsets of nodes:2 each, up to `lower`; nodes from `upper` to the end of the page
//   leaf      the same
//   node      lo:2  hi:2  flags:2  key size:2  key  data
//             branch: lo, hi, flags are the child's pgno. leaf: lo, hi are the size of the data
//   overflow  `pages` pages for one large value; the node's data is the pgno
//   free      a value of db[0]: count:8, then the numbers of pages that a transaction freed:8 each,
//             the greatest first

namespace twin::storage {
namespace {

constexpr size_t kHeaderBytes = 16;
constexpr size_t kNodeBytes = 8;
constexpr size_t kMetaBytes = 136;
constexpr uint32_t kMagic = 0xBEEFC0DE;
constexpr uint32_t kVersion = 1;
constexpr uint64_t kNoPage = ~uint64_t{0};
constexpr uint16_t kBranch = 1;
constexpr uint16_t kLeaf = 2;
constexpr uint16_t kOverflow = 4;
constexpr uint16_t kMeta = 8;
constexpr uint16_t kDirty = 0x10;  // meaningless on disk
constexpr uint16_t kBigData = 1;   // of a node
constexpr int kDepthMax = 32;      // of LMDB's cursors
constexpr uint64_t kMissingPagesMax = uint64_t{1} << 22;

template <typename T>
T At(absl::string_view bytes, size_t offset) {
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

struct Tree {
  bool free_pages = false;
  int depth = 0;
  uint64_t root = kNoPage;
};

struct Meta {
  uint64_t page_bytes = 0;
  std::array<Tree, 2> trees;
  uint64_t last_page = 0;
  uint64_t transaction = 0;
};

absl::Status Damaged(uint64_t page, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("page ", page, " ", what));
}

class Walk {
 public:
  Walk(int fd, uint64_t file_bytes) : fd_(fd), file_bytes_(file_bytes) {}

  absl::Status Run() {
    TWIN_RETURN_IF_ERROR(ReadMetas());
    pages_ = std::min(meta_.last_page + 1, file_bytes_ / meta_.page_bytes);
    seen_.assign(pages_, false);
    for (const Tree& tree : meta_.trees) {
      if (tree.root != kNoPage) TWIN_RETURN_IF_ERROR(WalkPage(tree, tree.root, 1, "", ""));
    }
    // LMDB would write anew what it finds here, whoever uses it.
    for (const uint64_t page : free_) {
      if (page < 2 || page > meta_.last_page)
        return Damaged(page, "is listed as free, but not there");
      if (page < pages_ && seen_[page]) return Damaged(page, "is listed as free, but in use");
    }
    std::sort(free_.begin(), free_.end());
    const auto twice = std::adjacent_find(free_.begin(), free_.end());
    if (twice != free_.end()) return Damaged(*twice, "is listed as free twice");
    return absl::OkStatus();
  }

  absl::Status ReadMetas() {
    TWIN_RETURN_IF_ERROR(ReadMeta(0, 0, &meta_));
    Meta second;
    TWIN_RETURN_IF_ERROR(ReadMeta(1, meta_.page_bytes, &second));
    if (second.page_bytes != meta_.page_bytes) return Damaged(1, "has another page size");
    if (second.transaction > meta_.transaction) meta_ = second;
    return absl::OkStatus();
  }

 private:
  absl::Status ReadMeta(uint64_t page, uint64_t offset, Meta* meta) {
    std::string bytes;
    TWIN_RETURN_IF_ERROR(Read(page, offset, kHeaderBytes + kMetaBytes, &bytes));
    const absl::string_view body = absl::string_view(bytes).substr(kHeaderBytes);
    if ((At<uint16_t>(bytes, 10) & kMeta) == 0 || At<uint32_t>(body, 0) != kMagic) {
      return Damaged(page, "is not a meta page");
    }
    if (At<uint32_t>(body, 4) != kVersion) {
      return absl::FailedPreconditionError(absl::StrCat("page ", page, " is of another version"));
    }
    meta->page_bytes = At<uint32_t>(body, 24);
    if (meta->page_bytes < 512 || meta->page_bytes > 65536 ||
        (meta->page_bytes & (meta->page_bytes - 1)) != 0) {
      return Damaged(page, "has no page size");
    }
    for (size_t i = 0; i < meta->trees.size(); ++i) {
      const absl::string_view db = body.substr(24 + 48 * i);
      meta->trees[i] = {
          .free_pages = i == 0, .depth = At<uint16_t>(db, 6), .root = At<uint64_t>(db, 40)};
      if (meta->trees[i].depth > kDepthMax) return Damaged(page, "has a tree too deep");
    }
    meta->last_page = At<uint64_t>(body, 120);
    // LMDB may leave out the last pages of a transaction, but not so many.
    if (meta->last_page > file_bytes_ / meta->page_bytes + kMissingPagesMax) {
      return Damaged(page, "says that the file is far longer than it is");
    }
    meta->transaction = At<uint64_t>(body, 128);
    return absl::OkStatus();
  }

  absl::Status Read(uint64_t page, uint64_t offset, size_t size, std::string* bytes) const {
    bytes->resize(size);
    size_t filled = 0;
    while (filled < size) {
      const ssize_t got =
          pread(fd_, bytes->data() + filled, size - filled, static_cast<off_t>(offset + filled));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return absl::UnavailableError(absl::StrCat("read: ", std::strerror(errno)));
      if (got == 0) return Damaged(page, "is beyond the end of the file");
      filled += static_cast<size_t>(got);
    }
    return absl::OkStatus();
  }

  // Notes that `count` pages are in use.
  absl::Status Claim(uint64_t page, uint64_t count) {
    if (page < 2) return Damaged(page, "is a meta page, but in use");
    if (page >= pages_ || count > pages_ - page) {
      return Damaged(page, "is in use, but beyond the end of the file");
    }
    for (uint64_t i = page; i < page + count; ++i) {
      if (seen_[i]) return Damaged(i, "is in use twice");
      seen_[i] = true;
    }
    return absl::OkStatus();
  }

  // Keys of the page are in `from` <= key < `to`; empty: no bound.
  absl::Status WalkPage(const Tree& tree, uint64_t page, int depth, absl::string_view from,
                        absl::string_view to) {
    TWIN_RETURN_IF_ERROR(Claim(page, 1));
    std::string bytes;
    TWIN_RETURN_IF_ERROR(Read(page, page * meta_.page_bytes, meta_.page_bytes, &bytes));
    const bool leaf = depth == tree.depth;
    const uint16_t kind = At<uint16_t>(bytes, 10) & static_cast<uint16_t>(~kDirty);
    if (At<uint64_t>(bytes, 0) != page || kind != (leaf ? kLeaf : kBranch)) {
      return Damaged(page, "is not the page that should be there");
    }
    const size_t lower = At<uint16_t>(bytes, 12);
    const size_t upper = At<uint16_t>(bytes, 14);
    // LMDB asserts that a branch has two children, but in its tree of free pages.
    const size_t nodes_min = leaf || tree.free_pages ? 1 : 2;
    if (lower < kHeaderBytes + 2 * nodes_min || lower % 2 != 0 || lower > upper ||
        upper > bytes.size()) {
      return Damaged(page, "has wrong bounds");
    }
    std::vector<absl::string_view> nodes;
    std::vector<absl::string_view> keys;
    size_t used = 0;
    for (size_t at = kHeaderBytes; at < lower; at += 2) {
      const size_t offset = At<uint16_t>(bytes, at);
      if (offset < upper || offset + kNodeBytes > bytes.size()) {
        return Damaged(page, "has a node outside of it");
      }
      nodes.push_back(absl::string_view(bytes).substr(offset));
      if (kNodeBytes + At<uint16_t>(nodes.back(), 6) > nodes.back().size()) {
        return Damaged(page, "has a key that ends outside of it");
      }
      keys.push_back(nodes.back().substr(kNodeBytes, At<uint16_t>(nodes.back(), 6)));
      used += NodeBytes(nodes.back(), leaf);
    }
    // LMDB moves nodes together when one goes, by the sizes that they say they have.
    if (used != bytes.size() - upper) return Damaged(page, "has a node of a wrong size");
    TWIN_RETURN_IF_ERROR(CheckKeys(tree, page, leaf, keys, from, to));
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (leaf) {
        TWIN_RETURN_IF_ERROR(WalkLeafNode(tree, page, nodes[i]));
        continue;
      }
      const uint64_t child = At<uint32_t>(nodes[i], 0) | uint64_t{At<uint16_t>(nodes[i], 4)} << 32;
      TWIN_RETURN_IF_ERROR(WalkPage(tree, child, depth + 1, i == 0 ? from : keys[i],
                                    i + 1 < keys.size() ? keys[i + 1] : to));
    }
    return absl::OkStatus();
  }

  // With its key and data, even.
  static size_t NodeBytes(absl::string_view node, bool leaf) {
    size_t bytes = kNodeBytes + At<uint16_t>(node, 6);
    if (leaf) bytes += At<uint16_t>(node, 4) == kBigData ? sizeof(uint64_t) : At<uint32_t>(node, 0);
    return bytes + bytes % 2;
  }

  // A key at a wrong place would be missed by a search, and written a second time.
  static absl::Status CheckKeys(const Tree& tree, uint64_t page, bool leaf,
                                const std::vector<absl::string_view>& keys, absl::string_view from,
                                absl::string_view to) {
    const auto below = [&](absl::string_view a, absl::string_view b) {
      return tree.free_pages ? At<uint64_t>(a, 0) < At<uint64_t>(b, 0) : a < b;
    };
    absl::string_view before = from;
    bool may_be_equal = true;
    for (size_t i = leaf ? 0 : 1; i < keys.size(); ++i) {  // the first of a branch is not looked at
      if (keys[i].size() < kKeyBytesMin || keys[i].size() > kKeyBytesMax ||
          (tree.free_pages && keys[i].size() != sizeof(uint64_t))) {
        return Damaged(page, "has a key of a wrong length");
      }
      const bool in_order =
          before.empty() || below(before, keys[i]) || (may_be_equal && before == keys[i]);
      if (!in_order || (!to.empty() && !below(keys[i], to))) {
        return Damaged(page, "has a key at a wrong place");
      }
      before = keys[i];
      may_be_equal = false;
    }
    return absl::OkStatus();
  }

  absl::Status WalkLeafNode(const Tree& tree, uint64_t page, absl::string_view node) {
    const uint64_t data_bytes = At<uint32_t>(node, 0);
    const uint16_t flags = At<uint16_t>(node, 4);
    const size_t key_bytes = At<uint16_t>(node, 6);
    const bool big = flags == kBigData;
    if (flags != 0 && !big) return Damaged(page, "has a node of an unknown kind");
    if (kNodeBytes + key_bytes + (big ? sizeof(uint64_t) : data_bytes) > node.size()) {
      return Damaged(page, "has a node that ends outside of it");
    }
    const uint64_t first = big ? At<uint64_t>(node, kNodeBytes + key_bytes) : 0;
    if (big) TWIN_RETURN_IF_ERROR(CheckOverflow(first, data_bytes));
    if (!tree.free_pages) return absl::OkStatus();
    if (!big) return NoteFree(page, node.substr(kNodeBytes + key_bytes, data_bytes));
    std::string list;
    TWIN_RETURN_IF_ERROR(Read(first, first * meta_.page_bytes + kHeaderBytes, data_bytes, &list));
    return NoteFree(page, list);
  }

  // A list of free pages: how many:8, then each:8.
  absl::Status NoteFree(uint64_t page, absl::string_view list) {
    if (list.size() < 8 || At<uint64_t>(list, 0) > list.size() / 8 - 1) {
      return Damaged(page, "has a list of free pages of a wrong length");
    }
    const uint64_t count = At<uint64_t>(list, 0);
    for (uint64_t i = 1; i <= count; ++i) {
      free_.push_back(At<uint64_t>(list, 8 * i));
      // LMDB searches it.
      if (i > 1 && free_.back() >= free_[free_.size() - 2]) {
        return Damaged(page, "has a list of free pages that is not in order");
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckOverflow(uint64_t page, uint64_t data_bytes) {
    const uint64_t count = (kHeaderBytes + data_bytes + meta_.page_bytes - 1) / meta_.page_bytes;
    TWIN_RETURN_IF_ERROR(Claim(page, count));
    std::string header;
    TWIN_RETURN_IF_ERROR(Read(page, page * meta_.page_bytes, kHeaderBytes, &header));
    const uint16_t kind = At<uint16_t>(header, 10) & static_cast<uint16_t>(~kDirty);
    if (At<uint64_t>(header, 0) != page || kind != kOverflow || At<uint32_t>(header, 12) < count) {
      return Damaged(page, "is not the large value that should be there");
    }
    return absl::OkStatus();
  }

  const int fd_;
  const uint64_t file_bytes_;
  uint64_t pages_ = 0;  // whole ones in the file, of those that count
  Meta meta_;
  std::vector<bool> seen_;
  std::vector<uint64_t> free_;
};

}  // namespace

namespace {

absl::StatusOr<Walk> WalkOf(int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0) {
    return absl::UnavailableError(absl::StrCat("measure: ", std::strerror(errno)));
  }
  return Walk(fd, static_cast<uint64_t>(info.st_size));
}

}  // namespace

absl::Status CheckLmdbMetas(int fd) {
  TWIN_ASSIGN_OR_RETURN(Walk walk, WalkOf(fd));
  return walk.ReadMetas();
}

absl::Status CheckLmdbPages(int fd) {
  TWIN_ASSIGN_OR_RETURN(Walk walk, WalkOf(fd));
  return walk.Run();
}

}  // namespace twin::storage
