// Reads a log that Medflyt wrote, with the Go checksum database's packages, and writes one for Medflyt to read.
//
//	go_log_check DIR
//	go_log_check export DIR VERIFIER-KEY [OLDER-CHECKPOINT...]    see export.go
//
// Prints what it checked, or the first thing that is wrong (exit status 1).
package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func fail(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

func read(path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		fail("%v", err)
	}
	return data
}

func glob(pattern string) []string {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		fail("no file matches %s", pattern)
	}
	return paths
}

// A cosignature's verifier (type 0x04), which the note package does not know.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (w *witness) Name() string    { return w.name }
func (w *witness) KeyHash() uint32 { return w.hash }
func (w *witness) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg)
	return ed25519.Verify(w.key, []byte(signed), sig[8:])
}

func newWitness(vkey string) *witness {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		fail("witness key %q has not three parts", vkey)
	}
	hash, err := strconv.ParseUint(parts[1], 16, 32)
	key, err2 := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || err2 != nil || len(key) != 33 || key[0] != 4 {
		fail("witness key %q is malformed", vkey)
	}
	return &witness{parts[0], uint32(hash), key[1:]}
}

func openCheckpoint(data []byte, known note.Verifiers, signatures int) (tlog.Tree, error) {
	n, err := note.Open(data, known)
	if err != nil {
		return tlog.Tree{}, err
	}
	if len(n.Sigs) != signatures || len(n.UnverifiedSigs) != 0 {
		return tlog.Tree{}, fmt.Errorf("%d signatures verified, %d not", len(n.Sigs), len(n.UnverifiedSigs))
	}
	return treeOf(n)
}

func treeOf(n *note.Note) (tlog.Tree, error) {
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 || lines[0] != n.Sigs[0].Name {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of its signer: %q", n.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	hash, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: hash}, err
}

// C2SP paths are those of the tlog package without the height.
func tilePath(t tlog.Tile) string {
	return strings.Replace(t.Path(), "tile/8/", "tile/", 1)
}

// Reads tiles as a client does: the one of the width asked for, else a wider one.
type tileReader struct {
	dir  string
	read map[string]bool
}

func (r *tileReader) Height() int { return 8 }

func (r *tileReader) SaveTiles(tiles []tlog.Tile, data [][]byte) {}

func (r *tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		want := t.W * tlog.HashSize
		var data []byte
		for wider := t; wider.W <= 256; wider.W++ {
			path := tilePath(wider)
			content, err := os.ReadFile(filepath.Join(r.dir, path))
			if err == nil {
				if len(content) != wider.W*tlog.HashSize {
					return nil, fmt.Errorf("%s has %d bytes", path, len(content))
				}
				r.read[path] = true
				data = content[:want]
				break
			}
		}
		if data == nil {
			return nil, fmt.Errorf("no tile %s or wider", tilePath(t))
		}
		all = append(all, data)
	}
	return all, nil
}

// The entry at that index, from the bundle that holds it.
func entryAt(dir string, index int64) []byte {
	t := tlog.Tile{H: 8, L: 0, N: index / 256, W: 256}
	base := filepath.Join(dir, strings.Replace(tilePath(t), "tile/0/", "tile/entries/", 1))
	paths, _ := filepath.Glob(base + ".p/*")
	if _, err := os.Stat(base); err == nil {
		paths = []string{base}
	}
	if len(paths) != 1 {
		fail("entry %d is in %d bundles", index, len(paths))
	}
	data := read(paths[0])
	for i := int64(0); ; i++ {
		if len(data) < 2 {
			fail("bundle %s ends before entry %d", paths[0], index)
		}
		length := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+length {
			fail("bundle %s is cut off", paths[0])
		}
		if i == index%256 {
			return data[2 : 2+length]
		}
		data = data[2+length:]
	}
}

func parseHashes(lines []string) []tlog.Hash {
	var hashes []tlog.Hash
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			fail("not a hash: %q", line)
		}
		hashes = append(hashes, hash)
	}
	return hashes
}

func checkInclusion(dir, path string, known note.Verifiers) {
	text := string(read(path))
	split := strings.Index(text, "\n\n")
	if split < 0 {
		fail("%s has no checkpoint", path)
	}
	tree, err := openCheckpoint([]byte(text[split+2:]), known, 2)
	if err != nil {
		fail("%s: %v", path, err)
	}
	lines := strings.Split(text[:split], "\n")
	if len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		fail("%s does not begin as a tlog-proof", path)
	}
	index, err := strconv.ParseInt(lines[1][len("index "):], 10, 64)
	if err != nil {
		fail("%s: %v", path, err)
	}
	proof := tlog.RecordProof(parseHashes(lines[2:]))
	leaf := tlog.RecordHash(entryAt(dir, index))
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf); err != nil {
		fail("%s: %v", path, err)
	}
	leaf[0] ^= 1
	if tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf) == nil {
		fail("%s proves another leaf too", path)
	}
}

func checkConsistency(dir, path string, known note.Verifiers) {
	lines := strings.Split(strings.TrimSuffix(string(read(path)), "\n"), "\n")
	older, err := openCheckpoint(read(filepath.Join(dir, "checkpoint."+lines[0])), known, 2)
	newer, err2 := openCheckpoint(read(filepath.Join(dir, "checkpoint."+lines[1])), known, 2)
	if err != nil || err2 != nil {
		fail("%s: %v %v", path, err, err2)
	}
	proof := tlog.TreeProof(parseHashes(lines[2:]))
	if err := tlog.CheckTree(proof, newer.N, newer.Hash, older.N, older.Hash); err != nil {
		fail("%s: %v", path, err)
	}
	older.Hash[0] ^= 1
	if tlog.CheckTree(proof, newer.N, newer.Hash, older.N, older.Hash) == nil {
		fail("%s holds for another root too", path)
	}
}

func checkMedflytLog(dir string) {
	log, err := note.NewVerifier(string(read(filepath.Join(dir, "log.vkey"))))
	if err != nil {
		fail("log key: %v", err)
	}
	known := note.VerifierList(log, newWitness(string(read(filepath.Join(dir, "witness.vkey")))))

	reader := &tileReader{dir, map[string]bool{}}
	checkpoints := glob(filepath.Join(dir, "checkpoint.*"))
	for _, path := range checkpoints {
		data := read(path)
		tree, err := openCheckpoint(data, known, 2)
		if err != nil {
			fail("%s: %v", path, err)
		}
		// Whoever knows the log alone passes over the cosignature.
		n, err := note.Open(data, note.VerifierList(log))
		if err != nil || len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 1 {
			fail("%s does not open with the log's key alone: %v", path, err)
		}
		data[len(data)/2] ^= 1
		if _, err := openCheckpoint(data, known, 2); err == nil {
			fail("%s opens with a flipped bit", path)
		}
		// Reading through tiles compares each with the tree's hash.
		hashes := tlog.TileHashReader(tree, reader)
		for index := int64(0); index < tree.N; index += 1 + tree.N/50 {
			proof, err := tlog.ProveRecord(tree.N, index, hashes)
			if err != nil {
				fail("%s, index %d: %v", path, index, err)
			}
			leaf := tlog.RecordHash(entryAt(dir, index))
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf); err != nil {
				fail("%s, index %d: %v", path, index, err)
			}
		}
	}
	inclusions := glob(filepath.Join(dir, "*.tlog-proof"))
	for _, path := range inclusions {
		checkInclusion(dir, path, known)
	}
	consistencies := glob(filepath.Join(dir, "*.consistency"))
	for _, path := range consistencies {
		checkConsistency(dir, path, known)
	}
	fmt.Printf("checkpoints %d inclusion %d consistency %d\n", len(checkpoints), len(inclusions), len(consistencies))
	for _, level := range []string{"tile/0/", "tile/1/", "tile/2/"} {
		count := 0
		for path := range reader.read {
			if strings.HasPrefix(path, level) {
				count++
			}
		}
		if count == 0 {
			fail("no tile of %s was needed", level)
		}
	}
}
