// The pages of an LMDB file, checked without LMDB: it maps the file and trusts what it finds, so
// that a page beyond the end of a file that was cut short would end the process by a signal.
#ifndef TWIN_SERVER_STORAGE_LMDB_PAGES_H_
#define TWIN_SERVER_STORAGE_LMDB_PAGES_H_

#include "absl/status/status.h"

namespace twin::storage {

// Walks the newest state of a data.mdb that is open as `fd`: each page that LMDB can reach is in
// the file, is of the kind that is expected, points into itself, has its keys in order, and is
// reached once, and none is listed as free. After OK, reading that state with LMDB reads no byte
// beyond the file. The values are not looked at. While others write, the caller must have a read
// transaction. DATA_LOSS: the message says which page, and is without path or advice. UNAVAILABLE:
// a read failed. Cost: reads all pages but those of large values.
// FAILED_PRECONDITION: of another version of LMDB's.
absl::Status CheckLmdbPages(int fd);

// The two meta pages alone. LMDB looks for the second one where the first one's page size says,
// also beyond the end of the file: this comes before it opens one. The same errors.
absl::Status CheckLmdbMetas(int fd);

}  // namespace twin::storage

#endif  // TWIN_SERVER_STORAGE_LMDB_PAGES_H_
