// The body of one GramKernel. gram_kernel.cpp includes it once for each instruction set, inside a namespace that has kLanes
// (doubles of a vector), kVectors (vectors in the row of a tile) and TACIT_GRAM_TARGET. A template would do, but g++ 12 splits
// vectors that the function around them has no instructions for before it inlines that function into one that has.

using Lane = double __attribute__((vector_size(8 * kLanes), aligned(8), may_alias));

constexpr Index kStrip = kLanes * kVectors;

// Both factors lie in strips of columns, row after row: A in strips of kStrip columns, W A in strips of kLanes. Strips are a
// cache line further apart than they need, or a power of two would put all of them into the same sets of the cache.
constexpr Index kApart = 8;
constexpr Index strips_of(Index columns) { return (columns + kStrip - 1) / kStrip; }
constexpr Index strip_size(Index rows) { return rows * kStrip + kApart; }
constexpr Index weighted_size(Index rows) { return rows * kLanes + kApart; }

inline Index packed(Index columns, Index rows) {
  return strips_of(columns) * (strip_size(rows) + kVectors * weighted_size(rows));
}

TACIT_GRAM_TARGET inline Lane load(const double* from) { return *reinterpret_cast<const Lane*>(from); }
TACIT_GRAM_TARGET inline void store(double* to, Lane value) { *reinterpret_cast<Lane*>(to) = value; }

/// Where the next columns of a row go in both factors.
struct Place {
  double *a, *weighted;
  Index in_strip = 0;

  TACIT_GRAM_TARGET void next(Index rows) {
    in_strip += kLanes;
    a += kLanes;
    weighted += weighted_size(rows);
    if (in_strip == kStrip) {
      in_strip = 0;
      a += strip_size(rows) - kStrip;
    }
  }
};

/// One of `rows` rows: whole vectors, then what is left, with zeros behind it. The row `later` is fetched, which the processor
/// does not see coming among so many streams.
TACIT_GRAM_TARGET inline void pack_row(const GramColumns& columns, const double* x, const double* later, double beside, double w,
                                       Index rows, Place place) {
  const Index p = columns.features, d = columns.count();
  Index j = 0;
  for (; j + kLanes <= p; j += kLanes, place.next(rows)) {
    __builtin_prefetch(later + j);
    Lane a = load(x + j);
    if (columns.shift) a = (a - load(columns.shift + j)) * load(columns.inverse + j);
    store(place.a, a);
    store(place.weighted, a * w);
  }
  const auto entry = [&](Index at) {
    if (at == p && columns.beside) return beside;
    if (at >= p) return 1.0;
    return columns.shift ? (x[at] - columns.shift[at]) * columns.inverse[at] : x[at];
  };
  for (; j < d; place.next(rows)) {
    store(place.a, Lane{});
    store(place.weighted, Lane{});
    for (int k = 0; k < kLanes && j < d; ++k, ++j) {
      const double a = entry(j);
      place.a[k] = a;
      place.weighted[k] = a * w;
    }
  }
}

/// h += (W A)' A for kLanes rows of h and up to `Vectors` vectors of its columns, `height` x `width` of which there are.
template <int Vectors>
TACIT_GRAM_TARGET void add_tile(Index rows, const double* weighted, const double* a, double* h, Index stride, Index height,
                                Index width) {
  Lane sum[kLanes][Vectors] = {};
  for (Index r = 0; r < rows; ++r, weighted += kLanes, a += kStrip) {
    Lane right[Vectors];
    for (int v = 0; v < Vectors; ++v) right[v] = load(a + v * kLanes);
    for (int i = 0; i < kLanes; ++i) {
      for (int v = 0; v < Vectors; ++v) sum[i][v] += right[v] * weighted[i];
    }
  }
  if (height >= kLanes && width >= Vectors * kLanes) {
    for (int i = 0; i < kLanes; ++i) {
      for (int v = 0; v < Vectors; ++v) store(h + i * stride + v * kLanes, load(h + i * stride + v * kLanes) + sum[i][v]);
    }
    return;
  }
  double whole[kLanes][Vectors * kLanes];
  for (int i = 0; i < kLanes; ++i) {
    for (int v = 0; v < Vectors; ++v) store(whole[i] + v * kLanes, sum[i][v]);
  }
  for (Index i = 0; i < std::min<Index>(kLanes, height); ++i) {
    for (Index j = 0; j < std::min<Index>(Vectors * kLanes, width); ++j) h[i * stride + j] += whole[i][j];
  }
}

template <int Vectors = kVectors>
TACIT_GRAM_TARGET void add_tile_of(Index vectors, Index rows, const double* weighted, const double* a, double* h, Index stride,
                                   Index height, Index width) {
  if constexpr (Vectors > 0) {
    if (vectors == Vectors)
      add_tile<Vectors>(rows, weighted, a, h, stride, height, width);
    else
      add_tile_of<Vectors - 1>(vectors, rows, weighted, a, h, stride, height, width);
  }
}

/// Blocks of kBlockColumns columns of A, which stay in the second-level cache, times the strips of W A up to the diagonal.
TACIT_GRAM_TARGET inline void add(const GramColumns& columns, const double* const* x, const double* beside, const double* w,
                                  Index rows, double* pack, double* h, Index stride) {
  constexpr Index kBlock = kBlockColumns / kStrip;  // strips
  const Index d = columns.count(), strips = strips_of(d);
  double* weighted = pack + strips * strip_size(rows);
  for (Index r = 0; r < rows; ++r) {
    const double* later = x[std::min(rows - 1, r + kRowsAhead)];
    pack_row(columns, x[r], later, beside[r], w[r], rows, {pack + r * kStrip, weighted + r * kLanes});
  }
  for (Index first = 0; first < strips; first += kBlock) {
    const Index last = std::min(strips, first + kBlock);
    for (Index i = 0; i < std::min(d, last * kStrip); i += kLanes) {
      for (Index s = std::max(first, i / kStrip); s < last; ++s) {
        const Index j = std::max(i, s * kStrip), vectors = (std::min(d, (s + 1) * kStrip) - j + kLanes - 1) / kLanes;
        add_tile_of(vectors, rows, weighted + i / kLanes * weighted_size(rows), pack + s * strip_size(rows) + (j - s * kStrip),
                    h + i * stride + j, stride, d - i, d - j);
      }
    }
  }
}
