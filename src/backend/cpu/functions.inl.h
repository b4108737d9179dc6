// exp and the activation functions of an MLP, element-wise for any vector type.
#pragma once

namespace rerank::cpu {
namespace {

// e^x to within 2 ulp for x <= 88; exactly 0 below -87 (including -inf) and exactly 1 at 0. x is clamped to
// 88.
template <class V>
inline typename V::Vec exponential(typename V::Vec x) {
  using Vec = typename V::Vec;
  const Vec lowest = V::set1(-87.0f);
  const Vec clamped = V::min(V::max(x, lowest), V::set1(88.0f));
  const Vec n = V::round(V::mul(clamped, V::set1(1.44269504f)));
  // ln 2 in two parts, so that the remainder is exact.
  Vec r = V::fma(n, V::set1(-0.693359375f), clamped);
  r = V::fma(n, V::set1(2.12194440e-4f), r);
  Vec p = V::set1(1.0f / 5040);
  p = V::fma(p, r, V::set1(1.0f / 720));
  p = V::fma(p, r, V::set1(1.0f / 120));
  p = V::fma(p, r, V::set1(1.0f / 24));
  p = V::fma(p, r, V::set1(1.0f / 6));
  p = V::fma(p, r, V::set1(0.5f));
  p = V::fma(p, r, V::set1(1.0f));
  p = V::fma(p, r, V::set1(1.0f));
  return V::keep_where_not_less(V::scale_by_power_of_two(p, n), x, lowest);
}

// 2^x to within 2 ulp for -126 <= x <= 127.
template <class V>
inline typename V::Vec power_of_two(typename V::Vec x) {
  using Vec = typename V::Vec;
  const Vec n = V::round(x), r = V::sub(x, n);
  Vec p = V::set1(1.3276466634124517e-3f);
  p = V::fma(p, r, V::set1(9.675540961325169e-3f));
  p = V::fma(p, r, V::set1(5.550713464617729e-2f));
  p = V::fma(p, r, V::set1(0.24022120237350464f));
  p = V::fma(p, r, V::set1(0.6931469440460205f));
  p = V::fma(p, r, V::set1(1.0f));
  return V::scale_by_power_of_two(p, n);
}

// The same for x <= 127, and exactly 0 for -inf.
template <class V>
inline typename V::Vec power_of_two_or_zero(typename V::Vec x) {
  using Vec = typename V::Vec;
  if constexpr (V::kScalesByFloor) {
    const Vec r = V::fraction(x);
    Vec p = V::set1(1.8775766948238015e-3f);
    p = V::fma(p, r, V::set1(8.989340625703335e-3f));
    p = V::fma(p, r, V::set1(5.582631751894951e-2f));
    p = V::fma(p, r, V::set1(0.24015361070632935f));
    p = V::fma(p, r, V::set1(0.6931530833244324f));
    p = V::fma(p, r, V::set1(0.9999999403953552f));
    return V::scale_by_floor(p, x);
  } else {
    const Vec lowest = V::set1(-126.0f);
    return V::keep_where_not_less(power_of_two<V>(V::max(x, lowest)), x, lowest);
  }
}

// x / (1 + e^-x)
template <class V>
struct Silu {
  using Vec = typename V::Vec;
  static Vec of(Vec x) { return V::div(x, V::add(V::set1(1.0f), exponential<V>(V::sub(V::zero(), x)))); }
};

// x / 2 * (1 + tanh(u)) is x / (1 + e^(-2 u)), with u = sqrt(2 / pi) * (x + 0.044715 x^3).
template <class V>
struct GeluTanh {
  using Vec = typename V::Vec;
  static Vec of(Vec x) {
    constexpr float kScale = -1.59576912f;  // -2 * sqrt(2 / pi)
    const Vec exponent = V::mul(x, V::fma(V::mul(x, x), V::set1(kScale * 0.044715f), V::set1(kScale)));
    return V::div(x, V::add(V::set1(1.0f), exponential<V>(exponent)));
  }
};

// x / 2 * (1 + erf(x / sqrt(2))) is max(x, 0) - a * P(a), where a = |x| and P(a) is the upper tail of the
// normal distribution. log2(P) is smooth, and this minimax polynomial on [0, 6] is as accurate as float32
// (error at most 2.5e-7 for |x| <= 7). Beyond 6, a * P(a) is less than 1e-8.
template <class V>
struct Gelu {
  using Vec = typename V::Vec;
  static Vec of(Vec x) {
    const Vec a = V::min(V::max(x, V::sub(V::zero(), x)), V::set1(6.0f));
    Vec q = V::set1(-1.9916249129892094e-6f);
    q = V::fma(q, a, V::set1(2.9268809157656506e-5f));
    q = V::fma(q, a, V::set1(-1.3807338837068528e-4f));
    q = V::fma(q, a, V::set1(-2.534718660172075e-4f));
    q = V::fma(q, a, V::set1(7.216435857117176e-3f));
    q = V::fma(q, a, V::set1(-5.260308086872101e-2f));
    q = V::fma(q, a, V::set1(-0.45917221903800964f));
    q = V::fma(q, a, V::set1(-1.1511096954345703f));
    q = V::fma(q, a, V::set1(-0.9999998807907104f));
    // max returns its second argument if x is NaN.
    return V::fma(V::sub(V::zero(), a), power_of_two<V>(q), V::max(V::zero(), x));
  }
};

}  // namespace
}  // namespace rerank::cpu
