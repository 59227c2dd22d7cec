// The server's catalog as queries see it.
#ifndef TWIN_SERVER_ENGINE_QUERY_CATALOG_H_
#define TWIN_SERVER_ENGINE_QUERY_CATALOG_H_

#include <memory>

#include "query/bind/catalog.h"
#include "server/graph/catalog.h"

namespace twin::engine {

// Tables, columns and relationship types have the same numbers. Keeps `catalog`.
// Cost: linear in columns; keep the result as long as the catalog is the same.
std::shared_ptr<const query::Catalog> ToQueryCatalog(std::shared_ptr<const graph::Catalog> catalog);

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_QUERY_CATALOG_H_
