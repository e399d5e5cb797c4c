#!/bin/bash
# Makes a Debian package of a program that was built: build-deb.sh PROGRAM VERSION DIRECTORY, in the root of the repository. VERSION
# is what git describe says. The same program and the same SOURCE_DATE_EPOCH give the same package, byte for byte.
set -euo pipefail
umask 022

program=$1 describe=$2 out=$3
package=cmd/sixfold/package
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date -r CHANGELOG.md +%s)}

# v1.2.3-4-gabcdef0-dirty becomes 1.2.3+4.gabcdef0.dirty, and a commit without a tag before it sorts below all releases.
case $describe in
v[0-9]*) version=${describe#v} ;;
[0-9]*.*) version=$describe ;;
*) version=0~$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d).$describe ;;
esac
version=$(sed -E 's/-([0-9]+)-g/+\1.g/; s/-/./g' <<<"$version")

case $(go env GOARCH) in
386) arch=i386 ;;
arm) arch=armhf ;;
ppc64le) arch=ppc64el ;;
*) arch=$(go env GOARCH) ;;
esac

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
doc=$stage/usr/share/doc/sixfold

put() { install -D -m "$1" "$2" "$stage/$3"; }
put 755 "$program" usr/bin/sixfold
put 644 $package/sixfold.service usr/lib/systemd/system/sixfold.service
put 640 $package/config.yaml etc/sixfold/config.yaml
put 644 $package/copyright usr/share/doc/sixfold/copyright
put 644 $package/lintian-overrides usr/share/lintian/overrides/sixfold
put 644 README.md usr/share/doc/sixfold/README.md
for example in integration/lab/configs/*.yaml; do
	put 644 "$example" "usr/share/doc/sixfold/examples/$(basename "$example")"
done
install -d -m 700 "$stage/var/lib/sixfold"

# The change log of the package tells of the package only; that of the program is beside it.
cat >"$doc/changelog.Debian" <<EOF
sixfold ($version) unstable; urgency=medium

  * Built from $describe; see changelog.gz for what changed.

 -- the developers of sixfold <sixfold-router@users.noreply.github.com>  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
EOF
cp CHANGELOG.md "$doc/changelog"

# The licenses of all that is linked in.
go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/sixfold | LC_ALL=C sort -u |
	while read -r module release dir; do
		printf '==== %s %s\n\n' "$module" "$release"
		LC_ALL=C find "$dir" -maxdepth 1 -type f \( -iname 'LICEN[SC]E*' -o -iname 'COPYING*' -o -iname 'NOTICE*' \) | LC_ALL=C sort | xargs -r -d '\n' cat
		printf '\n'
	done >"$doc/THIRD-PARTY"

man=$stage/usr/share/man
install -d "$man/man1" "$man/man5"
env -u SIXFOLD_SOCKET "$program" documentation --man "$man/man1" --schema proto/sixfold/v1/config.proto
mv "$man/man1/sixfold-config.5" "$man/man5/"
find "$man" -type f -exec chmod 644 {} + -exec gzip -9n {} +
gzip -9n "$doc/changelog" "$doc/changelog.Debian" "$doc/THIRD-PARTY"

complete() { install -d "$stage/$(dirname "$2")"; "$program" completion "$1" >"$stage/$2"; }
complete bash usr/share/bash-completion/completions/sixfold
complete zsh usr/share/zsh/vendor-completions/_sixfold
complete fish usr/share/fish/vendor_completions.d/sixfold.fish

(cd "$stage" && find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum | grep -v '  etc/') >"$stage.md5"
install -d "$stage/DEBIAN"
mv "$stage.md5" "$stage/DEBIAN/md5sums"
chmod 644 "$stage/DEBIAN/md5sums"
size=$(du -k -s --apparent-size --exclude DEBIAN "$stage" | cut -f1)
sed "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@SIZE@/$size/" $package/control.in >"$stage/DEBIAN/control"
echo /etc/sixfold/config.yaml >"$stage/DEBIAN/conffiles"
for script in postinst prerm postrm; do
	install -m 755 $package/$script "$stage/DEBIAN/$script"
done

mkdir -p "$out"
dpkg-deb --root-owner-group --build "$stage" "$out/sixfold_${version}_$arch.deb"
