//! The site's own certificate, for Prometheus.

use super::text::Text;

/// The part of the page that is about the certificate. `ends` in Unix seconds; `failures` in a row,
/// where the server orders it itself.
pub fn certificate(ends: u64, failures: Option<u32>) -> String {
    let mut text = Text::default();
    text.gauge(
        "satreel_certificate_ends_timestamp_seconds",
        "When the site's certificate runs out; 0: there is none",
        ends,
    );
    if let Some(failures) = failures {
        text.gauge(
            "satreel_certificate_renewal_failures",
            "Tries to get a new certificate that failed, since the last that did not",
            u64::from(failures),
        );
    }
    text.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_show_where_we_order_ourselves() {
        let ours = certificate(1_800_000_000, Some(3));
        assert!(ours.contains("\nsatreel_certificate_ends_timestamp_seconds 1800000000\n"));
        assert!(ours.ends_with("\nsatreel_certificate_renewal_failures 3\n"));
        assert!(!certificate(0, None).contains("renewal"));
    }
}
