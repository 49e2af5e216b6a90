package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const goLeaves = 300

type storage []tlog.Hash

func (s storage) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, index := range indexes {
		hashes = append(hashes, s[index])
	}
	return hashes, nil
}

func write(path, text string) {
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		fail("%v", err)
	}
}

func formatHashes(hashes []tlog.Hash) string {
	text := ""
	for _, hash := range hashes {
		text += base64.StdEncoding.EncodeToString(hash[:]) + "\n"
	}
	return text
}

// Writes log.vkey, a checkpoint and a tlog-proof for each size, and consistency proofs from each size to the last.
func writeGoLog(dir string) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		fail("%v", err)
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, "go.example/log")
	if err != nil {
		fail("%v", err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		fail("%v", err)
	}
	write(filepath.Join(dir, "log.vkey"), vkey)
	var hashes storage
	for size := int64(1); size <= goLeaves; size++ {
		more, err := tlog.StoredHashes(size-1, []byte(fmt.Sprintf("go entry %d", size-1)), hashes)
		if err != nil {
			fail("%v", err)
		}
		hashes = append(hashes, more...)
		root, err := tlog.TreeHash(size, hashes)
		if err != nil {
			fail("%v", err)
		}
		text := fmt.Sprintf("go.example/log\n%d\n%s", size, formatHashes([]tlog.Hash{root}))
		checkpoint, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			fail("%v", err)
		}
		write(filepath.Join(dir, fmt.Sprintf("checkpoint.%d", size)), string(checkpoint))
		index := 12347 % size
		proof, err := tlog.ProveRecord(size, index, hashes)
		if err != nil {
			fail("%v", err)
		}
		write(filepath.Join(dir, fmt.Sprintf("%d.tlog-proof", size)),
			fmt.Sprintf("c2sp.org/tlog-proof@v1\nindex %d\n%s\n%s", index, formatHashes(proof), checkpoint))
	}
	for size := int64(1); size < goLeaves; size++ {
		proof, err := tlog.ProveTree(goLeaves, size, hashes)
		if err != nil {
			fail("%v", err)
		}
		write(filepath.Join(dir, fmt.Sprintf("%d.consistency", size)), formatHashes(proof))
	}
}

func main() {
	if len(os.Args) >= 4 && os.Args[1] == "export" {
		checkExport(os.Args[2], os.Args[3], os.Args[4:])
		return
	}
	if len(os.Args) != 2 {
		fail("usage: go_log_check DIR")
	}
	checkMedflytLog(os.Args[1])
	writeGoLog(filepath.Join(os.Args[1], "go"))
}
